import { BufferedCaller } from "../../src/gateway/invocations/bufferedCaller";
import { type LinkGateway, MULTIPART } from "./linkGateway";

/** Has a caller leave while its multipart body is read, of a function `f` that answers with how often it has run. */
export async function expectNoRunForWhoLeaves(gateway: LinkGateway): Promise<void> {
  expect((await gateway.invoke("f", MULTIPART)).body.toString()).toBe("1");
  const left = gateway.submit("f", new BufferedCaller(1_000), MULTIPART);
  expect(gateway.dispatcher("f").running).toBe(1);
  gateway.dispatcher("f").abandon(left, "the caller has gone");
  expect((await gateway.invoke("f", MULTIPART)).body.toString()).toBe("2");
}
