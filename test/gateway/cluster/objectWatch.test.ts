import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ApiServer } from "../../support/apiServer";
import { ClusterGatewayProcess, killClusterGateways } from "../../support/clusterGatewayProcess";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

// How a gateway follows its API server, seen by what it reports and by what it serves.

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

const folder = temporaryFolder();
let api: ApiServer;
let gateway: ClusterGatewayProcess;

beforeEach(async () => {
  api = await ApiServer.start();
  declareRegion("http://eu.example.com");
  api.gateways(["127.0.0.1"]);
});
afterEach(async () => {
  await killClusterGateways();
  await api.close();
});

function declareRegion(url: string): void {
  const names = { name: "eu", app: "shop", environment: "test", environmentType: "test" };
  api.document({ kind: "Region", ...names, url });
}

async function start(options: { caFile?: string } = {}): Promise<void> {
  gateway = await ClusterGatewayProcess.start(api, { folder: folder(), ...options });
  await waitUntil("the gateway is ready", async () => (await gateway.unreadyReason()) === undefined, 60_000);
}

const reports = (text: string) => gateway.notes.filter((note) => note.includes("configmaps") && note.includes(text));
const watches = () => waitUntil("both kinds are watched", () => api.watching("configmaps") === 1, 30_000);

test("an outage is reported with its end, each time, and a connection that breaks after it is replaced at once", async () => {
  await start();
  await watches();
  for (const outage of [1, 2]) {
    api.mode = "refuse";
    api.breakWatches();
    const tried = api.count("watch configmaps");
    await waitUntil("some tries have failed", () => api.count("watch configmaps") >= tried + 4);
    api.mode = "serve";
    await waitUntil("the end is reported", () => reports("answers again").length === outage);
    expect(reports("cannot be watched")).toHaveLength(outage);
  }
  await watches();
  api.breakWatches();
  const brokenAt = performance.now();
  await waitUntil("the old watch is gone", () => api.watching("configmaps") === 0);
  await watches();
  expect(performance.now() - brokenAt).toBeLessThan(1_500);
  // one connection that breaks is nobody's business
  expect(reports("")).toHaveLength(4);
});

test("an API server that takes requests and does not answer is given up, and reported", async () => {
  await start();
  await watches();
  const { connections } = api;
  api.mode = "stall";
  api.breakWatches();
  await waitUntil("it is reported", () => reports("cannot be watched").length === 1, 40_000);
  expect(reports("timeout")).toHaveLength(1);
  // what was given up is closed
  expect(api.connections).toBeLessThanOrEqual(connections);
  api.mode = "serve";
  await waitUntil("its end is reported", () => reports("answers again").length === 1, 40_000);
}, 120_000);

test("a list that is not answered is given up, and the gateway starts when the API server answers", async () => {
  api.mode = "stall";
  gateway = await ClusterGatewayProcess.start(api, { folder: folder() });
  await waitUntil("both lists wait", () => api.requests.length === 2);
  api.mode = "serve";
  await waitUntil("it is ready", async () => (await gateway.unreadyReason()) === undefined, 40_000);
}, 120_000);

test("a watch that the server ends at once, again and again, is begun with pauses", async () => {
  await start();
  await watches();
  const before = api.count("watch configmaps");
  const end = Date.now() + 2_000;
  await waitUntil("two seconds are over", () => {
    api.endWatches();
    return Date.now() > end;
  });
  expect(api.count("watch configmaps") - before).toBeLessThan(10);
});

test("a certificate that cannot be read when a watch ends is an outage, not the end of the gateway", async () => {
  const caFile = join(folder(), "ca.pem");
  await writeFile(caFile, CERTIFICATE);
  await start({ caFile });
  await watches();
  await rm(caFile);
  api.endWatches();
  await waitUntil("it is reported", () => reports("cannot be watched").length === 1);
  expect(reports("ca.pem")).toHaveLength(1);
  expect((await gateway.call("/")).status).toBe(404);
  await writeFile(caFile, CERTIFICATE);
  await waitUntil("its end is reported", () => reports("answers again").length === 1);
}, 120_000);
