import {
  Environment,
  FullCodeFunction,
  type FullCodeFunctionArgs,
  kubernetes,
  type KubernetesArgs,
  ServerlessApp,
} from "../../../src";
import { codeFolder, removeCodeFolders } from "../../support/codeFolder";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../../support/declareCluster";
import { allows, type End, type NetworkPolicy } from "../../support/networkPolicyModel";

inProjectFolder();
afterAll(removeCodeFolders);

/** A region with two functions, of which one declares where it connects to. */
function declareRegion(
  args: Partial<KubernetesArgs> = {},
  egress: FullCodeFunctionArgs["egress"] = [],
  jwksUrl = "https://id.example.com/keys",
): Promise<DeclaredCluster> {
  return declareCluster(() => {
    const app = new ServerlessApp("shop", { sessions: { jwksUrl } });
    const common = { registry: "registry.example.com", gateway: { image: "registry.example.com/gateway:1" } };
    const regions = { eu: kubernetes({ ...common, nats: { replicas: 3 }, ...args }) };
    const environments = [new Environment("live", { app, type: "live", regions })];
    const code = codeFolder({ "src/index.js": "" });
    new FullCodeFunction("orders", { app, environments, code, egress });
    new FullCodeFunction("plain", { app, environments, code });
  });
}

function policiesOf(cluster: DeclaredCluster): NetworkPolicy[] {
  return cluster.objects.filter(({ object }) => object.kind === "NetworkPolicy").map(({ object }) => object as never);
}

/** Labels of a program's pods. */
function pod(cluster: DeclaredCluster, kind: string, name: string): End {
  const { spec } = cluster.object<{ spec: { template: { metadata: { labels: Record<string, string> } } } }>(kind, name);
  return { labels: spec.template.metadata.labels };
}

describe("what may connect to what", () => {
  let policies: NetworkPolicy[];
  let ends: Record<string, End>;
  beforeAll(async () => {
    const egress: FullCodeFunctionArgs["egress"] = [
      "internet",
      { cidr: "10.20.0.0/16", except: ["10.20.9.0/24"], ports: [5432] },
      { namespace: "payments", podLabels: { app: "cards" }, ports: [8443, 8444] },
      { cidr: "10.30.0.7/32", ports: [514], protocol: "UDP" },
    ];
    const cluster = await declareRegion({ networkPolicies: { egress: [{ namespace: "tracing" }] } }, egress);
    policies = policiesOf(cluster);
    ends = {
      gateway: pod(cluster, "Deployment", "live.eu.gateway"),
      orders: pod(cluster, "Deployment", "orders.live.eu"),
      plain: pod(cluster, "Deployment", "plain.live.eu"),
      nats: pod(cluster, "StatefulSet", "live.eu.nats"),
      neighbour: { labels: { app: "somebody-else" } },
      keda: { labels: {}, namespace: "keda" },
      ingress: { labels: {}, namespace: "ingress-nginx" },
      dns: { labels: {}, namespace: "kube-system" },
      tracing: { labels: {}, namespace: "tracing" },
      cards: { labels: { app: "cards" }, namespace: "payments" },
      ledger: { labels: { app: "ledger" }, namespace: "payments" },
      resolver: { address: "169.254.20.10" },
      apiServer: { address: "10.96.0.1" },
      internet: { address: "203.0.113.9" },
      metadata: { address: "169.254.169.254" },
      database: { address: "10.20.1.1" },
      backup: { address: "10.20.9.1" },
      syslog: { address: "10.30.0.7" },
    };
  });

  test.each<[from: string, to: string, port: number, protocol?: string]>([
    ["ingress", "gateway", 8081],
    ["internet", "gateway", 8081],
    ["ingress", "gateway", 8080],
    ["orders", "gateway", 8081],
    ["orders", "gateway", 7080],
    ["plain", "gateway", 7080],
    ["orders", "gateway", 8080],
    ["plain", "gateway", 8080],
    ["keda", "gateway", 9090],
    ["gateway", "gateway", 9090],
    ["gateway", "nats", 4222],
    ["nats", "nats", 6222],
    ["gateway", "apiServer", 443],
    ["gateway", "apiServer", 6443],
    ["gateway", "internet", 443],
    ...["gateway", "orders", "plain", "nats"].flatMap((from): [string, string, number, string][] => [
      [from, "dns", 53, "UDP"],
      [from, "dns", 53, "TCP"],
      [from, "resolver", 53, "UDP"],
    ]),
    ["orders", "tracing", 4318],
    ["plain", "tracing", 4318],
    ["orders", "internet", 443],
    ["orders", "internet", 25],
    ["orders", "database", 5432],
    ["orders", "cards", 8443],
    ["orders", "cards", 8444],
    ["orders", "syslog", 514, "UDP"],
  ])("%s → %s at %p is open", (...[from, to, port, protocol]) => {
    expect(allows(policies, ends[from], ends[to], port, protocol)).toBe(true);
  });

  test.each<[from: string, to: string, port: number, protocol?: string]>([
    ["ingress", "gateway", 7080],
    ["internet", "gateway", 7080],
    ["internet", "gateway", 9090],
    ["internet", "gateway", 9100],
    ["internet", "gateway", 7070],
    ["keda", "gateway", 7080],
    ["internet", "gateway", 8080],
    ["orders", "gateway", 9090],
    ["orders", "gateway", 9100],
    ["orders", "gateway", 7070],
    ["nats", "gateway", 7080],
    ["neighbour", "gateway", 8080],
    ["neighbour", "gateway", 7080],
    ["neighbour", "gateway", 9090],
    ["internet", "orders", 9100],
    ["gateway", "orders", 9100],
    ["plain", "orders", 9100],
    ["orders", "nats", 4222],
    ["neighbour", "nats", 4222],
    ["keda", "nats", 4222],
    ["gateway", "nats", 8222],
    ["gateway", "nats", 6222],
    ["nats", "gateway", 8080],
    ["nats", "internet", 443],
    ["gateway", "internet", 25],
    ["orders", "apiServer", 443],
    ["plain", "apiServer", 443],
    ["plain", "internet", 443],
    ["plain", "database", 5432],
    ["plain", "cards", 8443],
    ["orders", "metadata", 80],
    ["orders", "backup", 5432],
    ["orders", "database", 22],
    ["orders", "ledger", 8443],
    ["orders", "cards", 22],
    ["orders", "syslog", 514, "TCP"],
    ["orders", "dns", 9153],
  ])("%s → %s at %p is closed", (...[from, to, port, protocol]) => {
    expect(allows(policies, ends[from], ends[to], port, protocol)).toBe(false);
  });
});

describe("policies", () => {
  const ports = async (args: Partial<KubernetesArgs>, jwksUrl?: string) => {
    const cluster = await declareRegion(args, [], jwksUrl);
    const { spec } = cluster.object<NetworkPolicy>("NetworkPolicy", "live.eu.gateway");
    return spec.egress?.map(({ to, ports }) => [
      to === undefined ? "anywhere" : "pods",
      ports?.map(({ port }) => port),
    ]);
  };

  test("the gateway reaches the servers and the issuer's keys at the ports that they have", async () => {
    expect(
      await ports({ nats: { url: "tls://a.example.com,tls://b.example.com:4443" } }, "http://id.example.com/keys"),
    ).toEqual([
      ["pods", [9090]],
      ["anywhere", [4222, 4443]],
      ["anywhere", [443, 6443, 80]],
    ]);
    expect(await ports({}, "https://id.example.com:8443/keys")).toEqual([
      ["pods", [9090]],
      ["pods", [4222]],
      ["anywhere", [443, 6443, 8443]],
    ]);
  });

  test("the API server has the port that an argument names, and that of its Service", async () => {
    const [, , anywhere] = (await ports({ networkPolicies: { apiServerPorts: [16443] } }))!;
    expect(anywhere).toEqual(["anywhere", [443, 16443]]);
  });

  test("namespaces of the ingress controller and of KEDA are arguments", async () => {
    const networkPolicies = { ingressNamespace: "edge", kedaNamespace: "autoscaling" };
    const cluster = await declareRegion({ networkPolicies });
    const policies = policiesOf(cluster);
    const gateway = pod(cluster, "Deployment", "live.eu.gateway");
    const from = (namespace: string): End => ({ labels: {}, namespace });
    expect(allows(policies, from("edge"), gateway, 8081)).toBe(true);
    expect(allows(policies, from("edge"), gateway, 8080)).toBe(false);
    expect(allows(policies, from("default"), gateway, 8081)).toBe(false);
    expect(allows(policies, from("default"), gateway, 8080)).toBe(false);
    // to send a message to its own region
    expect(allows(policies, pod(cluster, "Deployment", "plain.live.eu"), gateway, 8080)).toBe(true);
    expect(allows(policies, from("autoscaling"), gateway, 9090)).toBe(true);
    expect(allows(policies, from("keda"), gateway, 9090)).toBe(false);
  });

  test("one server needs no connection to another, servers of somebody else none at all", async () => {
    const names = async (args: Partial<KubernetesArgs>) =>
      policiesOf(await declareRegion(args)).map(({ spec }) => [
        spec.podSelector.matchLabels?.["app.kubernetes.io/component"],
        spec.egress?.length,
      ]);
    expect(await names({ nats: {} })).toContainEqual(["nats", undefined]);
    expect(await names({ nats: { replicas: 3 } })).toContainEqual(["nats", 1]);
    const external = await names({ nats: { url: "nats://a.example.com" } });
    expect(external.map(([component]) => component)).not.toContain("nats");
  });

  test("leave alone what is not the platform's in a namespace that exists", async () => {
    const cluster = await declareRegion({ createNamespace: false });
    const policies = policiesOf(cluster);
    const neighbour: End = { labels: { app: "somebody-else" } };
    expect(allows(policies, neighbour, { address: "203.0.113.9" }, 443)).toBe(true);
    expect(allows(policies, { address: "203.0.113.9" }, neighbour, 80)).toBe(true);
    const plain = pod(cluster, "Deployment", "plain.live.eu");
    const gateway = pod(cluster, "Deployment", "live.eu.gateway");
    expect(allows(policies, plain, { address: "203.0.113.9" }, 443)).toBe(false);
    expect(allows(policies, neighbour, plain, 9100)).toBe(false);
    expect(allows(policies, plain, { labels: {}, namespace: "kube-system" }, 53, "UDP")).toBe(true);
    expect(allows(policies, neighbour, gateway, 7080)).toBe(false);
    expect(allows(policies, neighbour, gateway, 8080)).toBe(true);
  });

  test("none are made where somebody else makes them", async () => {
    const cluster = await declareRegion({ networkPolicies: false }, ["internet"]);
    expect(policiesOf(cluster)).toEqual([]);
  });
});
