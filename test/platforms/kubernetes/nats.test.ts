import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";

import { Environment, kubernetes, type KubernetesArgs, ServerlessApp } from "../../../src";
import { gatewayConfig, natsCredentials } from "../../../src/spec";
import { openJetStreamStore } from "../../../src/gateway/queues/jetStreamStore";
import type { MessageStore } from "../../../src/gateway/queues/messageStore";
import { connectNats } from "../../../src/gateway/queues/natsConnection";
import { autonamed, password } from "../../support/clusterProviders";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../../support/declareCluster";
import { freePorts } from "../../support/freePorts";
import { describeWithNats } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";

inProjectFolder();
const NAME = "live.eu.nats";

function declareRegion(nats?: KubernetesArgs["nats"]): Promise<DeclaredCluster> {
  return declareCluster(() => {
    const app = new ServerlessApp("shop");
    const common = { registry: "registry.example.com", gateway: { image: "registry.example.com/gateway:1" } };
    new Environment("live", { app, type: "live", regions: { eu: kubernetes({ ...common, nats }) } });
  });
}

/** What the gateway is told of NATS: its configuration, its credentials. */
function gatewayOf(cluster: DeclaredCluster) {
  const { spec } = cluster.object<Workload>("Deployment", "live.eu.gateway");
  const config = gatewayConfig.parse(JSON.parse(spec.template.spec.containers[0].env[0].value ?? ""));
  const { stringData } = cluster.object<SecretObject>("Secret", "live.eu.gateway");
  return { ...config.nats, credentials: natsCredentials.parse(JSON.parse(stringData["nats.json"])) };
}

const SELECTOR = { "app.kubernetes.io/component": "nats", "app.kubernetes.io/managed-by": "fullcode" };

describe("a NATS of the region's own", () => {
  test("is a StatefulSet with a disk", async () => {
    const cluster = await declareRegion();
    const { metadata, spec } = cluster.object<Workload>("StatefulSet", NAME);
    const { template, ...rest } = spec;
    expect(metadata).toMatchObject({ name: "nats", namespace: "shop-live" });
    expect(rest).toEqual({
      replicas: 1,
      serviceName: "nats-peers",
      podManagementPolicy: "Parallel",
      selector: { matchLabels: SELECTOR },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } } },
        },
      ],
    });
    expect(template.spec.terminationGracePeriodSeconds).toBe(60);
    expect(template.spec.volumes).toEqual([
      { name: "config", secret: { secretName: autonamed(NAME), defaultMode: 0o440 } },
      { name: "tmp", emptyDir: { sizeLimit: "512Mi" } },
    ]);
    const [{ securityContext, startupProbe, livenessProbe, readinessProbe, ...container }] = template.spec.containers;
    expect(securityContext).toBeDefined();
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: "/healthz", port: "monitor" },
      { path: "/healthz?js-enabled-only=true", port: "monitor" },
      { path: "/healthz?js-server-only=true", port: "monitor" },
    ]);
    expect(container).toEqual({
      name: "nats",
      image: "nats:2.12-alpine",
      args: ["--config", "/etc/nats-config/nats.conf"],
      env: [
        { name: "SERVER_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "GOMEMLIMIT", value: "460MiB" },
      ],
      ports: [
        { name: "nats", containerPort: 4222 },
        { name: "monitor", containerPort: 8222 },
      ],
      resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
      volumeMounts: [
        { name: "config", mountPath: "/etc/nats-config", readOnly: true },
        { name: "data", mountPath: "/data" },
        { name: "tmp", mountPath: "/tmp" },
      ],
    });
    expect(gatewayOf(cluster)).toEqual({
      url: "nats://nats.shop-live.svc:4222",
      replicas: 1,
      credentials: { user: "gateway", password: password(`${NAME}-gateway`) },
    });
    expect(cluster.object("PodDisruptionBudget", NAME)).toMatchObject({ spec: { maxUnavailable: 1 } });
  });

  test("keeps its disks when their size or class is changed, and goes before servers in another number come", async () => {
    const cluster = await declareRegion({ storage: "20Gi", storageClass: "fast" });
    expect(cluster.resource("StatefulSet", NAME)).toMatchObject({
      ignoreChanges: ["spec.volumeClaimTemplates"],
      deleteBeforeReplace: true,
    });
  });

  test("of three servers has Services to be found by, and messages on all of them", async () => {
    const cluster = await declareRegion({
      replicas: 3,
      image: "registry.example.com/nats:2.12",
      memory: 2048,
      storageClass: "fast",
    });
    const { metadata, spec } = cluster.object<Workload>("StatefulSet", NAME);
    expect(metadata).toMatchObject({ name: "nats-cluster" });
    expect(spec).toMatchObject({ replicas: 3, volumeClaimTemplates: [{ spec: { storageClassName: "fast" } }] });
    expect(spec.template.spec.containers[0]).toMatchObject({
      image: "registry.example.com/nats:2.12",
      resources: { limits: { memory: "2Gi" } },
      ports: expect.arrayContaining([{ name: "cluster", containerPort: 6222 }]) as object[],
    });
    const ports = [{ name: "nats", port: 4222, targetPort: "nats" }];
    expect(cluster.object("Service", NAME)).toMatchObject({
      metadata: { name: "nats" },
      spec: { selector: SELECTOR, ports },
    });
    expect(cluster.object("Service", `${NAME}-peers`)).toMatchObject({
      metadata: { name: "nats-peers" },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: SELECTOR,
        ports: [...ports, { name: "cluster", port: 6222, targetPort: "cluster" }],
      },
    });
    expect(gatewayOf(cluster)).toMatchObject({ replicas: 3 });
  });

  test("has a Secret for other programs that send messages", async () => {
    const cluster = await declareRegion();
    expect(cluster.object("Secret", `${NAME}-publisher`)).toMatchObject({
      metadata: { name: "nats-publisher" },
      stringData: {
        url: "nats://nats.shop-live.svc:4222",
        user: "publisher",
        password: password(`${NAME}-publisher`),
        subjectPrefix: "fullcode.shop.live.eu.queues.",
        inboxPrefix: "_INBOX_publisher",
      },
    });
  });
});

describe("a NATS that exists", () => {
  test("is told to the gateway, with its credentials as a secret", async () => {
    const url = "tls://a.example.com:4222, tls://b.example.com";
    const cluster = await declareRegion({ url, replicas: 3, credentials: { token: "s3cret", ca: "pem" } });
    expect(gatewayOf(cluster)).toEqual({
      url: "tls://a.example.com:4222,tls://b.example.com",
      replicas: 3,
      credentials: { token: "s3cret", ca: "pem" },
    });
    expect(cluster.resources.filter(({ name }) => name.includes("nats"))).toEqual([]);
    expect(gatewayOf(await declareRegion({ url: "nats://a" }))).toEqual({
      url: "nats://a",
      replicas: 1,
      credentials: {},
    });
  });
});

describeWithNats("the servers that a region configures", () => {
  let folder = "";
  const children: ChildProcess[] = [];
  /** Close what a test has opened. */
  const closers: (() => Promise<void>)[] = [];

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "fullcode-nats-config-"))));
  afterEach(async () => {
    await stopServers();
    await rm(folder, { recursive: true, force: true });
  });

  async function stopServers(): Promise<void> {
    await Promise.all(closers.splice(0).map((close) => close()));
    await Promise.all(children.splice(0).map((child) => (child.kill("SIGKILL"), once(child, "exit"))));
  }

  /**
   * Runs the very configuration of a region, with addresses of this machine in place of the cluster's, and a folder for
   * each claim of a disk.
   */
  async function startServers(replicas: 1 | 3): Promise<{ urls: string[]; monitors: string[] }> {
    const cluster = await declareRegion({ replicas });
    const config = cluster.object<SecretObject>("Secret", NAME).stringData["nats.conf"];
    const { metadata, spec } = cluster.object<Workload>("StatefulSet", NAME);
    const pod = (server: number) => `${metadata.name}-${server}`;
    const ports = await freePorts(3 * replicas);
    const port = (server: number, index: number) => ports[3 * server + index];
    for (let server = 0; server < replicas; server++) {
      const file = join(folder, `${replicas}-${server}.conf`);
      const local = config
        .replace("0.0.0.0:4222", `127.0.0.1:${port(server, 0)}`)
        .replace("0.0.0.0:8222", `127.0.0.1:${port(server, 1)}`)
        .replace("0.0.0.0:6222", `127.0.0.1:${port(server, 2)}`)
        .replace(
          /([\w-]+)\.nats-peers\.shop-live\.svc:6222/g,
          (_, peer: string) => `127.0.0.1:${port(ordinalOf(peer), 2)}`,
        )
        .replace(
          '"/data"',
          JSON.stringify(join(folder, `${spec.volumeClaimTemplates[0].metadata.name}-${pod(server)}`)),
        );
      expect(local).not.toMatch(/0\.0\.0\.0|\.svc/);
      await writeFile(file, local);
      const environment = { ...process.env, SERVER_NAME: pod(server) };
      children.push(spawn(natsServer(), ["--config", file], { stdio: "ignore", env: environment }));
    }
    const address = (index: number) => (_: unknown, server: number) => `127.0.0.1:${port(server, index)}`;
    const monitors = Array.from({ length: replicas }, address(1)).map((each) => `http://${each}`);
    for (const monitor of monitors) await waitUntil(`${monitor} is healthy`, () => isHealthy(`${monitor}/healthz`));
    return { urls: Array.from({ length: replicas }, address(0)).map((each) => `nats://${each}`), monitors };
  }

  /** Opens the region's queues as a gateway does. */
  async function openQueues(url: string, replicas: number): Promise<MessageStore> {
    const credentials = { user: "gateway", password: password(`${NAME}-gateway`) };
    const client = connectNats({ url, credentials, name: "gateway" });
    const names = { app: "shop", environment: "live", region: "eu" };
    const store = await openJetStreamStore({ connection: client, ...names, replicas });
    closers.push(() => store.close().then(() => client.close()));
    return store;
  }

  async function connectAs(url: string, user: string): Promise<NatsConnection> {
    const inboxPrefix = user === "publisher" ? "_INBOX_publisher" : undefined;
    const options = { servers: url, user, pass: password(`${NAME}-${user}`), reconnect: false, inboxPrefix };
    const connection = await connect(options);
    closers.push(() => connection.close());
    return connection;
  }

  test("keep a gateway's queues, and take messages of the publisher and nothing else", async () => {
    const { urls, monitors } = await startServers(1);
    expect((await (await fetch(`${monitors[0]}/varz`)).json()) as object).toMatchObject({
      server_name: "nats-0",
      max_payload: 8 * 1024 * 1024,
      // what is confirmed is on the disk
      jetstream: { config: { max_storage: Math.floor(10 * 1024 ** 3 * 0.9), sync_always: true } },
    });
    const store = await openQueues(urls[0], 1);
    await waitUntil("the streams are there", async () => (await store.counts("orders")).pending === 0);

    const publisher = await connectAs(urls[0], "publisher");
    const ack = await jetstream(publisher).publish("fullcode.shop.live.eu.queues.orders", '{"orderId":"17"}');
    expect(ack.stream).toBe("fullcode_shop_live_eu");
    await waitUntil("the message is counted", async () => (await store.counts("orders")).pending === 1);
    // what is delivered to gateways is none of its business
    const spy = publisher.subscribe("_INBOX.>");
    await expect(spy.closed).resolves.toThrow(/permissions violation/i);
    const refused = [
      "fullcode.shop.live.eu.queues.cron.nightly",
      "fullcode.shop.live.eu.dead.orders",
      "$JS.API.STREAM.LIST",
    ];
    for (const subject of refused)
      await expect(publisher.request(subject, "{}", { timeout: 2_000 })).rejects.toThrow(/permissions violation/i);
  });

  test("refuse whoever has no password, or a wrong one", async () => {
    const { urls } = await startServers(1);
    await expect(connect({ servers: urls[0], reconnect: false })).rejects.toThrow(/authorization violation/i);
    await expect(connect({ servers: urls[0], user: "gateway", pass: "x", reconnect: false })).rejects.toThrow(
      /authorization violation/i,
    );
  });

  test("form a cluster of three that keeps each message three times", async () => {
    const { urls, monitors } = await startServers(3);
    const { jetstream } = (await (await fetch(`${monitors[2]}/varz`)).json()) as { jetstream: { config: object } };
    expect(jetstream.config).toMatchObject({ sync_interval: 1e9 });
    const gateway = await connectAs(urls[1], "gateway");
    const manager = await jetstreamManager(gateway);
    await waitUntil("the cluster has a leader", () =>
      manager.streams.add({ name: "three", subjects: ["three.>"], num_replicas: 3 }).then(
        () => true,
        () => false,
      ),
    );
    const { cluster } = await manager.streams.info("three");
    expect(cluster?.name).toBe("shop-live-eu");
    expect([cluster?.leader, ...(cluster?.replicas ?? []).map(({ name }) => name)].sort()).toEqual([
      "nats-cluster-0",
      "nats-cluster-1",
      "nats-cluster-2",
    ]);
  });

  test("leave the messages of servers in another number alone, which find them again", async () => {
    const message = { body: Buffer.from("17"), contentType: "text/plain" };
    await (await openQueues((await startServers(1)).urls[0], 1)).publish("orders", message);
    await stopServers();

    const three = await openQueues((await startServers(3)).urls[0], 3);
    await three.publish("orders", message);
    await three.publish("orders", message);
    await waitUntil("what is sent from then on is counted", async () => (await three.counts("orders")).pending === 2);
    expect((await readdir(folder)).filter((each) => each.startsWith("data")).sort()).toEqual([
      "data-nats-0",
      "data-nats-cluster-0",
      "data-nats-cluster-1",
      "data-nats-cluster-2",
    ]);
    await stopServers();

    const one = await openQueues((await startServers(1)).urls[0], 1);
    await waitUntil("the first message is there", async () => (await one.counts("orders")).pending === 1);
  });
});

/** Number of a pod within its StatefulSet. */
function ordinalOf(pod: string): number {
  return Number(pod.split("-").at(-1));
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function natsServer(): string {
  const built = join(homedir(), ".cache", "fullcode-test-cluster", "nats-server");
  const onPath = spawnSync("nats-server", ["--version"]).status === 0 ? "nats-server" : undefined;
  return process.env.NATS_SERVER ?? onPath ?? (existsSync(built) ? built : "nats-server");
}

interface SecretObject {
  stringData: Record<string, string>;
}
interface Probe {
  httpGet: object;
}
interface Workload {
  metadata: { name: string };
  spec: {
    volumeClaimTemplates: { metadata: { name: string } }[];
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        volumes: object[];
        containers: {
          env: { name: string; value?: string }[];
          securityContext: object;
          startupProbe: Probe;
          livenessProbe: Probe;
          readinessProbe: Probe;
        }[];
      };
    };
  };
}
