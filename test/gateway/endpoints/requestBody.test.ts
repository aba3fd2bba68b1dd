import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";

import { HttpCaller } from "../../../src/gateway/endpoints/httpCaller";
import { type BodyPace, RequestBody } from "../../../src/gateway/endpoints/requestBody";
import { RawConnection } from "../../support/httpClient";
import { waitUntil } from "../../support/waitUntil";

const PERIOD_MS = 300;
const LENGTH = 10_000;
const HEAD = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LENGTH}\r\n\r\n`;

let server: Server;
let connection: RawConnection;
afterEach(() => {
  connection.end();
  server.close();
});

/** Reads bodies at once, and answers with their lengths. */
async function serve(pace?: BodyPace): Promise<void> {
  server = createServer((request, response) => {
    const caller = new HttpCaller(request, response, "r", () => false);
    const body = new RequestBody(request, response, LENGTH, (error) => caller.fail(error), pace);
    body.read((whole) => caller.answer({ status: 200, headers: [] }, Buffer.from(String(whole.length))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  connection = await RawConnection.open((server.address() as AddressInfo).port);
}

const answered = () => waitUntil("it is answered", () => connection.statuses.length > 0 || connection.isClosed);

test("a body that comes slowly, but steadily, may take many periods", async () => {
  await serve({ minBytesPerSecond: 100, periodMs: PERIOD_MS });
  const started = performance.now();
  connection.write(HEAD);
  for (let sent = 0; sent < LENGTH; sent += 500) {
    connection.write("x".repeat(500));
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS / 3));
  }
  await answered();
  expect(performance.now() - started).toBeGreaterThan(5 * PERIOD_MS);
  expect(connection.statuses).toEqual([200]);
  expect(connection.text.endsWith(`\r\n${LENGTH}`)).toBe(true);
});

test.each([
  ["stops in the middle", LENGTH / 2],
  ["trickles from the start", 1],
])("one that %s is a 408", async (_, sent) => {
  await serve({ minBytesPerSecond: 100, periodMs: PERIOD_MS });
  connection.write(HEAD + "x".repeat(sent));
  const trickle = setInterval(() => connection.write("x"), PERIOD_MS * 2);
  await answered();
  clearInterval(trickle);
  expect(connection.statuses).toEqual([408]);
  expect(connection.text).toContain("RequestTimeout");
});

test("a trickle is cut off long before a request's longest time", async () => {
  await serve();
  const started = performance.now();
  connection.write(HEAD + "x");
  await answered();
  expect(connection.statuses).toEqual([408]);
  expect(performance.now() - started).toBeLessThan(20_000);
});
