import { ApiServer } from "../../support/apiServer";
import { ClusterGatewayProcess, killClusterGateways } from "../../support/clusterGatewayProcess";
import { call, RawConnection } from "../../support/httpClient";
import { linkRoots } from "../../support/linkGateway";
import { isOpen } from "../../support/openPort";
import { PodProcess, removePods } from "../../support/podProcess";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

const folder = temporaryFolder();
const roots = linkRoots(1);
let api: ApiServer;
let gateway: ClusterGatewayProcess;

beforeEach(async () => {
  api = await ApiServer.start();
  api.gateways(["127.0.0.1"]);
});
afterEach(async () => {
  await removePods();
  await killClusterGateways();
  await api.close();
});

function declareRegion(more: object = {}): void {
  const names = { name: "eu", app: "shop", environment: "test", environmentType: "test" };
  api.document({ kind: "Region", ...names, url: "http://eu.example.com", ...more });
}

function declareFunction(more: object = {}): void {
  api.document({
    kind: "Function",
    name: "f",
    version: "v1",
    runtime: "nodejs",
    image: "registry.example.com/f@sha256:0",
    concurrency: 8,
    ...more,
  });
  api.document({ kind: "Route", name: "f", function: "f", method: "GET", path: "/f" });
}

async function start(): Promise<void> {
  gateway = await ClusterGatewayProcess.start(api, { folder: folder(), roots });
}

const startPod = (code: string) =>
  PodProcess.start({ function: "f", gateways: `127.0.0.1:${gateway.ports.link}`, roots, code, concurrency: 8 });
const ready = () => waitUntil("it is ready", async () => (await gateway.unreadyReason()) === undefined, 60_000);
const notes = (text: string) => gateway.notes.filter((note) => note.includes(text));

test("instances link once the documents are known: none is refused, however early it comes", async () => {
  declareRegion();
  declareFunction();
  api.mode = "refuse";
  await start();
  await waitUntil("endpoints are open", () => isOpen(gateway.ports.http));
  expect(await gateway.unreadyReason()).toBe("the region's documents are not known yet");
  expect(await isOpen(gateway.ports.link)).toBe(false);
  const linking = startPod("module.exports = (req, res) => res.send('served');");
  api.mode = "serve";
  await ready();
  await linking;
  expect((await gateway.call("/f")).text).toBe("served");
  expect(notes("refused")).toEqual([]);
});

test("a gateway without a document of its region is not ready until there is one", async () => {
  declareFunction();
  await start();
  await waitUntil("documents are known", () => api.watching("configmaps") === 1);
  await waitUntil(
    "it says what it lacks",
    async () => (await gateway.unreadyReason()) === "there is no document of the region that this gateway can read",
  );
  expect(await isOpen(gateway.ports.link)).toBe(false);
  declareRegion();
  await ready();
});

test("documents of a newer release are served, and what is not known of them is told once", async () => {
  declareRegion({ tracing: { endpoint: "http://traces" } });
  declareFunction({ scale: { max: 3, burst: 2 }, priority: "high" });
  await start();
  await ready();
  await startPod("module.exports = (req, res) => res.send('served');");
  expect((await gateway.call("/f")).text).toBe("served");
  const told = () => notes("not known to this gateway");
  expect(told()).toHaveLength(3);
  for (const field of ['"tracing" of a Region', '"priority" of a Function', '"scale.burst" of a Function'])
    expect(notes(field)).toHaveLength(1);
  declareFunction({ version: "v2", priority: "low", scale: { burst: 1 } });
  declareRegion({ region: "new" });
  await waitUntil("the change is there", () => notes('"region" of a Region').length === 1);
  expect(told()).toHaveLength(4);
  expect(notes("left out")).toEqual([]);
});

test("gateways of IPv6 clusters ask each other by addresses in brackets", async () => {
  declareRegion();
  api.gateways(["127.0.0.1", "fd00::12"]);
  await start();
  await waitUntil("the other gateway is asked", () => notes("fd00::12").length > 0);
  expect(notes("fd00::12")[0]).toContain(`[fd00::12]:${gateway.ports.scaler}`);
});

test("requests that are refused before there is an invocation are counted, and not logged", async () => {
  declareRegion();
  declareFunction({ limits: { requestBytes: 10 } });
  const route = { kind: "Route", function: "f", method: "POST" };
  api.document({ ...route, name: "closed", path: "/closed", session: "required" });
  api.document({ ...route, name: "small", path: "/small" });
  await start();
  await ready();
  const url = `http://127.0.0.1:${gateway.ports.http}`;
  const statuses: number[] = [];
  for (const path of ["/none", "/none/either", "/f", "/closed", "/small", "/queues/none"])
    statuses.push((await call(url + path, { method: "POST", body: "more than 10 bytes" })).status);
  expect(statuses).toEqual([404, 404, 405, 401, 413, 404]);
  const malformed = await RawConnection.open(gateway.ports.http);
  await malformed.write("no HTTP\r\n\r\n").closed;
  expect(malformed.statuses).toEqual([400]);
  const { text } = await call(`http://127.0.0.1:${gateway.ports.probe}/metrics`);
  const counts = text.split("\n").filter((line) => line.startsWith("fullcode_requests_refused_total"));
  const count = (status: number, times: number) => `fullcode_requests_refused_total{status="${status}"} ${times}`;
  expect(counts.sort()).toEqual([count(400, 1), count(401, 1), count(404, 3), count(405, 1), count(413, 1)]);
  expect(text).not.toContain("fullcode_invocations_total{");
  expect(gateway.logs.filter(({ source }) => source === "invocation")).toEqual([]);
});

test("one port is for those inside, the other for all that is published", async () => {
  declareRegion({ trustedProxies: 1 });
  declareFunction();
  for (const published of [true, false])
    api.document({ kind: "Queue", name: `published-${published}`, function: "f", queue: `q-${published}`, published });
  await start();
  await ready();
  await startPod("module.exports = (req, res) => res.send(req.client.ip);");
  const { http, published } = gateway.ports;
  const forwarded = { headers: { "x-forwarded-for": "203.0.113.9" } };
  const at = (port: number, path: string, options = {}) =>
    call(`http://127.0.0.1:${port}${path}`, { ...forwarded, ...options });
  expect((await at(published, "/f")).text).toBe("203.0.113.9");
  // no proxy is in front: whoever is inside could say anything
  expect((await at(http, "/f")).text).toBe("127.0.0.1");
  const message = { body: "message" };
  const statuses = async (port: number) => [
    (await at(port, "/queues/q-true", message)).status,
    (await at(port, "/queues/q-false", message)).status,
  ];
  expect(await statuses(published)).toEqual([202, 404]);
  expect(await statuses(http)).toEqual([202, 202]);
});

test("a gateway whose log nobody takes goes on", async () => {
  declareRegion();
  declareFunction();
  await start();
  await ready();
  await startPod("module.exports = (req, res) => res.send('served');");
  gateway.closeLog();
  // these are logged
  api.document({ kind: "Queue", name: "bad", function: "f", queue: "Bad!" });
  api.document({ kind: "Route", name: "later", function: "f", method: "GET", path: "/later" });
  await waitUntil("what came with it is served", async () => (await gateway.call("/later")).text === "served");
  expect(await gateway.unreadyReason()).toBeUndefined();
});

test("a failure that nobody expected is logged, and requests that are open get their answers", async () => {
  declareRegion();
  declareFunction();
  await start();
  await ready();
  await startPod(
    "module.exports = async (req, res) => { await new Promise((r) => setTimeout(r, 7_000)); res.send('done'); };",
  );
  const running = gateway.call("/f");
  await waitUntil("it runs", async () => {
    const metrics = await fetch(`http://127.0.0.1:${gateway.ports.probe}/metrics`);
    return /running.*\{.*\} 1/.test(await metrics.text());
  });
  gateway.fail();
  await waitUntil("it is not ready", async () => (await gateway.unreadyReason()) === "the gateway leaves");
  expect(await running).toMatchObject({ status: 200, text: "done" });
  expect(await gateway.exited).toBe(1);
  expect(notes("error: the gateway leaves and starts anew")).toHaveLength(1);
  expect(notes("nobody expected this")).toHaveLength(1);
});
