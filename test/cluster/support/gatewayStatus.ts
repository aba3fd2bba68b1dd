import type { GatewayStatus } from "../../../src/gateway/gatewayOptions";
import type { Pod, TestRegion } from "./regions";

/** Asks the admin API, which is on the pod's loopback. */
const PROGRAM = `
  const token = require("node:fs").readFileSync("/var/run/fullcode/gateway/admin-token", "utf8").trim();
  fetch("http://127.0.0.1:7070/status", { headers: { authorization: "Bearer " + token } })
    .then((response) => response.text())
    .then((text) => console.log(text));`;

/** What one gateway says of itself. */
export async function gatewayStatus(region: TestRegion, { metadata }: Pod): Promise<GatewayStatus> {
  const pod = ["--namespace", metadata.namespace!, metadata.name];
  return JSON.parse(await region.run("exec", ...pod, "--", "node", "-e", PROGRAM)) as GatewayStatus;
}
