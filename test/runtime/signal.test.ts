import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const serve = (timeoutSeconds: number) =>
  gateways.start({
    functions: {
      f: {
        code: `module.exports = async (req, res) => {
          console.log("started");
          await new Promise((resolve) => req.signal.addEventListener("abort", resolve, { once: true }));
          console.log("aborted: " + req.signal.reason.message);
        };`,
        timeoutSeconds,
      },
    },
    routes: { f: {} },
  });

test("req.signal is aborted when the caller goes away", async () => {
  const gateway = await serve(30);
  const abort = new AbortController();
  const gone = gateway.call("/f", { signal: abort.signal });
  await waitUntil("the handler runs", () => gateway.console().includes("started"));
  abort.abort();
  await expect(gone).rejects.toThrow("aborted");
  await waitUntil("the handler is told", () =>
    gateway.console().some((line) => line.startsWith("aborted: the caller")),
  );
  await waitUntil("the invocation has ended", () => gateway.invocations().length === 1);
  expect(gateway.invocations()[0].message).toBe("the caller has gone");
});

test("req.signal is aborted by the timeout", async () => {
  const gateway = await serve(0.3);
  const answer = await gateway.call("/f");
  expect(answer.status).toBe(504);
  expect(answer.json).toMatchObject({ errorType: "Timeout", errorMessage: expect.stringContaining("0.3 s") as string });
  await waitUntil("the handler is told", () => gateway.console().includes("aborted: the timeout of 0.3 s is over"));
});
