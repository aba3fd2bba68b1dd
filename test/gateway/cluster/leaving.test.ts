import { ApiServer } from "../../support/apiServer";
import { ClusterGatewayProcess, killClusterGateways } from "../../support/clusterGatewayProcess";
import { call } from "../../support/httpClient";
import { linkRoots } from "../../support/linkGateway";
import { isOpen } from "../../support/openPort";
import { PodProcess, removePods } from "../../support/podProcess";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

const folder = temporaryFolder();
let api: ApiServer;

beforeEach(async () => {
  api = await ApiServer.start();
  api.gateways(["127.0.0.1"]);
});
afterEach(async () => {
  await removePods();
  await killClusterGateways();
  await api.close();
});

test("a gateway that leaves closes its endpoints while messages are still being handled", async () => {
  const names = { name: "eu", app: "shop", environment: "test", environmentType: "test" };
  api.document({ kind: "Region", ...names, url: "http://eu.example.com" });
  const image = "registry.example.com/f@sha256:0";
  api.document({ kind: "Function", name: "f", version: "v1", runtime: "nodejs", image, concurrency: 8 });
  api.document({ kind: "Queue", name: "work", function: "f", queue: "work", maxDeliveries: 5, backoffSeconds: 1 });
  const roots = linkRoots(1);
  const gateway = await ClusterGatewayProcess.start(api, { folder: folder(), roots });
  await waitUntil("it is ready", async () => (await gateway.unreadyReason()) === undefined);
  // longer than the notice
  const code = `module.exports = async () => {
    console.log("begun");
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    console.log("done");
  };`;
  await PodProcess.start({
    function: "f",
    gateways: `127.0.0.1:${gateway.ports.link}`,
    roots,
    code,
    concurrency: 8,
  });
  const said = (text: string) => gateway.logs.some(({ source, message }) => source === "console" && message === text);
  const published = await call(`http://127.0.0.1:${gateway.ports.http}/queues/work`, { body: {} });
  expect(published.status).toBe(202);
  await waitUntil("the message is being handled", () => said("begun"));

  gateway.kill("SIGTERM");
  await waitUntil("the endpoints are closed", async () => !(await isOpen(gateway.ports.http)));
  expect(said("done")).toBe(false);
  expect(await gateway.exited).toBe(0);
  expect(said("done")).toBe(true);
});
