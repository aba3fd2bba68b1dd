import { KubeConfig } from "@kubernetes/client-node";

import { GATEWAY_SECRETS_FOLDER, GATEWAY_STATE_FOLDER, POD_IP_VARIABLE, POD_NAME_VARIABLE } from "../../spec";
import { type LogRecord } from "../gatewayOptions";
import { openJetStreamStore } from "../queues/jetStreamStore";
import { connectNats } from "../queues/natsConnection";
import { ClusterGateway } from "./clusterGateway";
import { leaveInOrder } from "./leaveInOrder";
import { readPodFiles } from "./podFiles";

function write(record: LogRecord): void {
  process.stdout.write(JSON.stringify({ ...record, time: new Date(record.time).toISOString() }) + "\n");
}

function note(level: LogRecord["level"], message: string): void {
  write({ time: Date.now(), level, message, source: "gateway" });
}

async function main(): Promise<void> {
  const files = readPodFiles(process.env, GATEWAY_SECRETS_FOLDER);
  const { app, environment, region, nats } = files.config;
  const podName = process.env[POD_NAME_VARIABLE] ?? "gateway";
  const podIp = process.env[POD_IP_VARIABLE] ?? "127.0.0.1";
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromCluster();
  const connection = connectNats({
    url: nats.url,
    credentials: files.nats,
    name: podName,
    onStatus: ({ up, message }) => note(up ? "info" : "warn", message),
  });
  const store = await openJetStreamStore({
    connection,
    app,
    environment,
    region,
    replicas: nats.replicas,
    onProblem: ({ message }) => note("error", message),
  });
  const gateway = new ClusterGateway({
    ...files,
    kubeConfig,
    nats: connection,
    store,
    podName,
    podIp,
    stateFolder: GATEWAY_STATE_FOLDER,
    onLog: write,
  });
  leaveInOrder(() => gateway.leave(), note);
  await gateway.start();
  note("info", `region ${environment}/${region} of app ${app} is served by ${podName}`);
}

main().catch((error: unknown) => {
  note("error", `the gateway cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
