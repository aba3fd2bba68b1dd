import { createServer } from "node:net";

import { freePorts } from "../../support/freePorts";
import { LinkGateway, linkRoots } from "../../support/linkGateway";
import { PodProcess, type PodOptions, removePods } from "../../support/podProcess";
import { nodeLoop } from "../../support/customRuntimes";
import { waitUntil } from "../../support/waitUntil";

const roots = linkRoots(1);
let gateway: LinkGateway | undefined;

afterEach(async () => {
  await removePods();
  await gateway?.close();
  gateway = undefined;
});

const SLEEP = `module.exports = async (req, res) => {
  await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms)));
  res.send("slept");
};`;
const AGENT_SLEEP = {
  bootstrap: {
    text: nodeLoop(
      'async ({ query }) => { await new Promise((resolve) => setTimeout(resolve, Number(query.ms))); return "slept"; }',
    ),
    mode: 0o755,
  },
};

async function startPod(code: PodOptions["code"], port?: number): Promise<PodProcess> {
  port ??= (await freePorts(1))[0];
  const pod = await PodProcess.start({ function: "f", gateways: `127.0.0.1:${port}`, roots, code });
  await waitUntil("probes are answered", () =>
    pod.probe("/live").then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return pod;
}

const ready = async (pod: PodProcess) => {
  const { status, text } = await pod.probe("/ready");
  return `${status} ${text.trim()}`;
};

test.each([
  ["Node.js", SLEEP],
  ["a bootstrap", AGENT_SLEEP],
])("%s: ready once a gateway is linked, and until the instance leaves", async (_runtime, code) => {
  const [port] = await freePorts(1);
  const pod = await startPod(code, port);
  await waitUntil("the code runs, and waits", async () => (await ready(pod)) === "503 no gateway is linked");
  gateway = await LinkGateway.start({ roots, functions: { f: {} }, port });
  await waitUntil("it is ready", async () => (await ready(pod)) === "200 ok");
  const running = gateway.invoke("f", { query: "ms=700" });
  await waitUntil("it runs", () => gateway!.dispatcher("f").running === 1);
  pod.kill("SIGTERM");
  await waitUntil("it is not any more", async () => (await ready(pod)) === "503 the instance is about to end");
  expect((await pod.probe("/live")).status).toBe(200);
  expect((await running).body.toString()).toBe("slept");
  expect(await pod.ended()).toBe(0);
});

test("not ready while the code loads; ready when it is known not to", async () => {
  gateway = await LinkGateway.start({ roots, functions: { f: {} } });
  const pod = await startPod(
    {
      "package.json": '{"type":"module"}',
      "src/index.js": 'await new Promise((resolve) => setTimeout(resolve, 1_000)); throw new Error("broken")',
    },
    gateway.port,
  );
  expect(await ready(pod)).toBe("503 the code is not loaded yet");
  await waitUntil("the code has failed", async () => (await ready(pod)) === "200 ok");
});

test("an event loop that hangs is not alive", async () => {
  gateway = await LinkGateway.start({ roots, functions: { f: {} } });
  const pod = await startPod("module.exports = () => { for (;;); }", gateway.port);
  void gateway.invoke("f");
  await waitUntil("it hangs", async () => {
    const answered = pod.probe("/live").then(() => true);
    return !(await Promise.race([answered, new Promise<false>((resolve) => setTimeout(() => resolve(false), 300))]));
  });
});

test("other paths are not found, and a port that is taken is an error that says so", async () => {
  gateway = await LinkGateway.start({ roots, functions: { f: {} } });
  const pod = await startPod(SLEEP, gateway.port);
  expect((await pod.probe("/other")).status).toBe(404);
  const [probePort] = await freePorts(1);
  const blocker = createServer().listen(probePort);
  await PodProcess.start({
    function: "f",
    gateways: gateway.address,
    roots,
    code: SLEEP,
    config: { cluster: { gateways: gateway.address, generation: 1, probePort } },
  });
  await waitUntil("it says so", () =>
    gateway!.lines.some(({ message }) => message.includes(`must not listen at port ${probePort}`)),
  );
  blocker.close();
});
