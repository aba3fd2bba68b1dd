import { PodInstances } from "../../../src/gateway/cluster/podInstances";
import { FunctionHost } from "../../../src/gateway/functions/functionHost";
import { BodyBudget } from "../../../src/gateway/invocations/bodyBudget";
import { BufferedCaller } from "../../../src/gateway/invocations/bufferedCaller";
import { Invocation, NO_BODY } from "../../../src/gateway/invocations/invocation";
import { API_VERSION, functionDocument, regionDocument } from "../../../src/spec";

const header = { apiVersion: API_VERSION, name: "f" };
const document = functionDocument.parse({
  ...header,
  kind: "Function",
  version: "1",
  runtime: "nodejs",
  concurrency: 1,
  limits: { instanceWaitSeconds: 0.1 },
});
const region = regionDocument.parse({
  ...header,
  kind: "Region",
  app: "shop",
  environment: "test",
  environmentType: "test",
  url: "http://localhost",
});
const ignore = () => undefined;

afterEach(() => jest.restoreAllMocks());

test("how long a function has been idle does not follow the machine's clock", async () => {
  const host = new FunctionHost(
    document,
    region,
    { onLog: ignore, onEnd: ignore, onBroken: ignore },
    { bodies: new BodyBudget(), supply: (_document, _region, events) => new PodInstances(events, ignore) },
  );
  expect(host.load.idleMs).toBe(Infinity);
  const caller = new BufferedCaller(1_000);
  const head = { requestId: "1", trigger: { type: "endpoint" as const, name: "f" }, startedAt: 0, attempt: 1 };
  host.submit(new Invocation(head, "GET /f", caller, NO_BODY));
  expect(host.load.idleMs).toBe(0);
  expect(await caller.answered).toMatchObject({ status: 503 });
  const now = Date.now();
  for (const hours of [-1, 1]) {
    jest.spyOn(Date, "now").mockReturnValue(now + hours * 3_600_000);
    expect(host.load.idleMs).toBeGreaterThanOrEqual(0);
    expect(host.load.idleMs).toBeLessThan(10_000);
  }
});
