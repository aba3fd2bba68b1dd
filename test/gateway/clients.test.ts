import { RawConnection } from "../support/httpClient";
import { testGateways, type TestGateway } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const start = () =>
  gateways.start({
    functions: {
      f: {
        code: `module.exports = (req, res) =>
          res.send(req.query.large === undefined ? String(req.body?.length ?? 0) : "x".repeat(6000000));`,
        concurrency: 2,
        scale: { max: 1 },
      },
    },
    routes: { f: { method: "ANY" } },
  });

const isIdle = async (gateway: TestGateway) => {
  const { running, held } = (await gateway.gateway.status()).functions[0];
  return running + held === 0;
};

test.each(["Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"])(
  "a client that leaves in the middle of its body leaves nothing behind: %j",
  async (rest) => {
    const gateway = await start();
    await gateway.call("/f");
    for (const end of ["end", "destroy"] as const) {
      const connection = await RawConnection.open(gateway.port);
      connection.write(`POST /f HTTP/1.1\r\nHost: a\r\n${rest}`);
      await waitUntil("its body is awaited", async () => !(await isIdle(gateway)));
      connection.socket[end]();
      await waitUntil("nothing is left of it", () => isIdle(gateway));
    }
    expect((await gateway.call("/f")).status).toBe(200);
  },
);

test("clients that send slowly or do not read keep no instance from others", async () => {
  const gateway = await start();
  await gateway.call("/f");
  const connections = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(gateway.port)));
  connections.forEach((connection, i) => {
    connection.socket.pause();
    if (i % 2 === 0) connection.write("POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    else connection.write("GET /f?large=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  });
  await waitUntil("the slow ones are held", async () => (await gateway.gateway.status()).functions[0].held === 10);
  for (let i = 0; i < 20; i++)
    expect(await gateway.call("/f", { body: "123" })).toMatchObject({ status: 200, text: "3" });
  connections.forEach((connection, i) => {
    if (i % 2 === 0) connection.write("67890");
    connection.socket.resume();
  });
  await waitUntil("all are answered", () => connections.every(({ text }) => text.startsWith("HTTP/1.1 200 ")));
  await waitUntil("the large ones are whole", () =>
    connections.every((connection, i) => i % 2 === 0 || connection.text.length > 6_000_000),
  );
  for (const connection of connections) connection.end();
});

test("a connection that never asks for anything does not keep the gateway from stopping", async () => {
  const gateway = await start();
  const silent = await RawConnection.open(gateway.port);
  const kept = await RawConnection.open(gateway.port);
  kept.write("GET /f HTTP/1.1\r\nHost: a\r\n\r\n");
  await waitUntil("it is answered", () => kept.statuses.length === 1);
  const started = performance.now();
  await gateway.gateway.stop();
  expect(performance.now() - started).toBeLessThan(3_000);
  await Promise.all([silent.closed, kept.closed]);
});
