import {
  GATEWAY_NAME,
  GATEWAY_PORTS,
  INSTANCE_PROBE_PORT,
  LINK_SERVICE,
  NATS_PORT,
  PUBLISHED_SERVICE,
} from "../../src/spec";
import { removeCodeFolders } from "../support/codeFolder";
import { Collector } from "./support/collector";
import { answerOf } from "./support/httpLoad";
import type { KubernetesObject } from "./support/kubectl";
import { NODE_IMAGE } from "./support/machine";
import { PolicyEnforcer } from "./support/policyEnforcer";
import { pollUntil } from "./support/pollUntil";
import { type Pod, TestRegion } from "./support/regions";
import { declareShop, GATEWAY_PODS, namespaceOf, sendMessage, WORK_PODS } from "./support/shop";
import { openStack, type TestStack } from "./support/testStack";

const APP = "policies";
const NAMESPACE = namespaceOf(APP);
/** Where a pod of somebody else is, and where an ingress controller would be. */
const STRANGERS = "policies-strangers";
const INGRESS = "policies-ingress";
const API_SERVER_PORT = 6443;

type Target = [host: string, port: number];

describe("with NetworkPolicies enforced", () => {
  const eu = new TestRegion("eu");
  const [collector, undeclared] = [new Collector(), new Collector()];
  let stack: TestStack;
  let enforcer: PolicyEnforcer | undefined;
  let url: string;
  let targets: Record<
    "gatewayHttp" | "gatewayPublished" | "gatewayLink" | "gatewayScaler" | "gatewayProbe" | "nats" | "work",
    Target
  >;
  let declaredTarget: Target;
  let undeclaredTarget: Target;
  let stranger: Pod;
  let controller: Pod;
  let work: Pod;

  beforeAll(async () => {
    const address = await collector.listen("eu");
    declaredTarget = targetOf(address);
    // the other region's address of this machine is reached by the same way
    undeclaredTarget = targetOf(await undeclared.listen("us"));
    stack = await openStack(APP, "test");
    const platform = { networkPolicies: { ingressNamespace: INGRESS } };
    await stack.deploy(() => declareShop(APP, { collector: address, platform, work: { scale: { idle: 5 } } }));
    url = await eu.serviceUrl(NAMESPACE, "gateway");
    [stranger, controller] = await Promise.all([startPod(STRANGERS), startPod(INGRESS)]);
    await answerOf(`${url}/work`);
    // an answer may be here before the API server knows the pod's address
    [work] = await eu.untilPods(NAMESPACE, WORK_PODS, 1);
    const [gateway] = await eu.pods(NAMESPACE, GATEWAY_PODS);
    const [nats] = await eu.pods(NAMESPACE, "app.kubernetes.io/component=nats");
    const at = ({ status }: Pod, port: number): Target => [status.podIP!, port];
    targets = {
      gatewayHttp: at(gateway, GATEWAY_PORTS.http),
      gatewayPublished: at(gateway, GATEWAY_PORTS.published),
      gatewayLink: at(gateway, GATEWAY_PORTS.link),
      gatewayScaler: at(gateway, GATEWAY_PORTS.scaler),
      gatewayProbe: at(gateway, GATEWAY_PORTS.probe),
      nats: at(nats, NATS_PORT),
      work: at(work, INSTANCE_PROBE_PORT),
    };
  });
  afterAll(async () => {
    await enforcer?.stop();
    await stack.destroy();
    await eu.run("delete", "namespace", STRANGERS, INGRESS);
    collector.close();
    undeclared.close();
    removeCodeFolders();
  });

  /** A pod that does nothing, in a namespace of its own. */
  async function startPod(namespace: string): Promise<Pod> {
    const metadata = { name: "idle", namespace };
    const container = { name: "idle", image: NODE_IMAGE, command: ["node", "-e", "setInterval(() => {}, 1e6)"] };
    const spec = { terminationGracePeriodSeconds: 0, containers: [container] };
    await eu.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]);
    await eu.apply([{ apiVersion: "v1", kind: "Pod", metadata, spec }]);
    return (await eu.untilPods(namespace, "", 1))[0];
  }

  /** Which of the targets a pod can connect to. */
  async function reached(from: Pod, to: Target[]): Promise<Target[]> {
    const { name, namespace } = from.metadata;
    const script = `Promise.all(${JSON.stringify(to)}.map(([host, port]) => new Promise((resolve) => {
      const socket = require("node:net").connect({ host, port, timeout: 3000 });
      const end = (isReached) => { socket.destroy(); resolve(isReached); };
      socket.on("connect", () => end(true)).on("error", () => end(false)).on("timeout", () => end(false));
    }))).then((all) => console.log(JSON.stringify(all)))`;
    const answers = await eu.run("exec", "--namespace", namespace!, name, "--", "node", "-e", script);
    const isReached = JSON.parse(answers) as boolean[];
    return to.filter((_, index) => isReached[index]);
  }

  test("they make the difference: without them, everything can be connected to", async () => {
    const all = Object.values(targets);
    await expect(reached(stranger, all)).resolves.toEqual(all);
    const nothing: Target[] = [targets.nats, undeclaredTarget];
    await expect(reached(work, nothing)).resolves.toEqual(nothing);
    enforcer = new PolicyEnforcer(eu, NAMESPACE);
    await pollUntil("they are enforced", async () => (await reached(stranger, [targets.nats])).length === 0);
  });

  test("a stranger reaches nothing", async () => {
    await expect(reached(stranger, Object.values(targets))).resolves.toEqual([]);
  });

  test("the ingress controller reaches the endpoints, and nothing else", async () => {
    await expect(reached(controller, Object.values(targets))).resolves.toEqual([targets.gatewayPublished]);
  });

  test("where the endpoints are published, queues are not", async () => {
    const published = await eu.serviceUrl(NAMESPACE, PUBLISHED_SERVICE);
    expect(JSON.parse(await answerOf(`${published}/work`))).toMatchObject({ type: "endpoint" });
    await expect(sendMessage(published, { id: "stranger" })).rejects.toThrow("404");
  });

  test("a function is started by a request, links to the gateways by their name, and answers", async () => {
    // KEDA asks the gateways, which ask each other; the instance asks the cluster's DNS for them
    await eu.untilPods(NAMESPACE, WORK_PODS, 0);
    const answer = JSON.parse(await answerOf(`${url}/work`)) as object;
    expect(answer).toMatchObject({ type: "endpoint" });
  });

  test("a function is started by a message, and connects to where it declares", async () => {
    await eu.untilPods(NAMESPACE, WORK_PODS, 0);
    collector.reports.length = 0;
    await sendMessage(url, { id: "message" });
    await pollUntil("the function has reported", () => collector.reports.length === 1, 60_000);
  });

  test("a function connects to nowhere else", async () => {
    const running = answerOf(`${url}/work?ms=20000`);
    const [pod] = await eu.untilPods(NAMESPACE, WORK_PODS, 1);
    const closed: Target[] = [
      targets.gatewayScaler,
      targets.gatewayProbe,
      targets.nats,
      [stranger.status.podIP!, 80],
      await apiServer(),
      undeclaredTarget,
    ];
    const open: Target[] = [
      [`${LINK_SERVICE}.${NAMESPACE}.svc`, GATEWAY_PORTS.link],
      // by which it sends messages: the Service as it is in `queueBaseUrl`, and past it
      [`${GATEWAY_NAME}.${NAMESPACE}.svc`, 80],
      targets.gatewayHttp,
      declaredTarget,
    ];
    await expect(reached(pod, [...closed, ...open])).resolves.toEqual(open);
    await running;
  });

  test("gateways that start get ready: they reach the API server, NATS and each other", async () => {
    const before = await eu.pods(NAMESPACE, GATEWAY_PODS);
    await eu.run("rollout", "restart", "--namespace", NAMESPACE, "deployment/gateway");
    await eu.run("rollout", "status", "--namespace", NAMESPACE, "deployment/gateway", "--timeout", "120s");
    const names = (await eu.untilPods(NAMESPACE, GATEWAY_PODS, 2)).map(({ metadata }) => metadata.name);
    expect(before.filter(({ metadata }) => names.includes(metadata.name))).toEqual([]);
    expect(JSON.parse(await answerOf(`${url}/work`))).toMatchObject({ type: "endpoint" });
  });

  /** The API server, past its Service. */
  async function apiServer(): Promise<Target> {
    const [{ endpoints }] = await eu.list<EndpointSlice>("default", "endpointslices");
    return [endpoints[0].addresses[0], API_SERVER_PORT];
  }
});

interface EndpointSlice extends KubernetesObject {
  endpoints: { addresses: string[] }[];
}

function targetOf(url: string): Target {
  const { hostname, port } = new URL(url);
  return [hostname, Number(port)];
}
