import { KubeConfig } from "@kubernetes/client-node";

import { ClusterGateway } from "../../../src/gateway/cluster/clusterGateway";
import { leaveInOrder } from "../../../src/gateway/cluster/leaveInOrder";
import { type LogRecord } from "../../../src/gateway/gatewayOptions";
import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import { connectNats } from "../../../src/gateway/queues/natsConnection";
import { API_VERSION, type GATEWAY_PORTS, type LinkRoots } from "../../../src/spec";

/** What the process is told in its argument. */
export interface ClusterGatewayRequest {
  apiServer: string;
  /** Read at each request; none by default. */
  caFile?: string;
  ports: Record<keyof typeof GATEWAY_PORTS, number>;
  roots: LinkRoots;
  folder: string;
}

async function main({ apiServer, caFile, ports, roots, folder }: ClusterGatewayRequest): Promise<void> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: "test", server: apiServer, skipTLSVerify: true, ...(caFile === undefined ? {} : { caFile }) },
    { name: "test" },
  );
  const onLog = (record: LogRecord) => void process.stdout.write(JSON.stringify(record) + "\n");
  const gateway = new ClusterGateway({
    config: {
      apiVersion: API_VERSION,
      namespace: "shop",
      app: "shop",
      environment: "test",
      region: "eu",
      nats: { url: "nats://127.0.0.1:1", replicas: 1 },
    },
    roots,
    adminToken: "admin",
    kubeConfig,
    // messages are kept in a file: nothing here is about them
    nats: connectNats({ url: "nats://127.0.0.1:1", credentials: {}, name: "test" }),
    store: await openEmbeddedStore(folder),
    podName: "gateway-1",
    podIp: "127.0.0.1",
    ports,
    stateFolder: folder,
    onLog,
  });
  leaveInOrder(
    () => gateway.leave(),
    (level, message) => onLog({ time: Date.now(), level, message, source: "gateway" }),
  );
  process.on("disconnect", () => process.exit(1));
  process.on("message", () => void Promise.reject(new Error("nobody expected this")));
  await gateway.start();
}

void main(JSON.parse(process.argv[2]) as ClusterGatewayRequest);
