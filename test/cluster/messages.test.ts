import { Agent } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { Environment, FullCodeFunction, kubernetes, QueueTrigger, ServerlessApp } from "../../src";
import { runCli, stopCliProcesses } from "../support/cliProcess";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { call } from "../support/httpClient";
import { temporaryFolder } from "../support/temporaryFolder";
import { CONTROLLED_HANDLER, DeliveryControl, Gate, type ReportedDelivery } from "./support/deliveryControl";
import { gatewayStatus } from "./support/gatewayStatus";
import type { KubernetesObject } from "./support/kubectl";
import { NATS_IMAGE, NODE_IMAGE, REGISTRY } from "./support/machine";
import { pollUntil } from "./support/pollUntil";
import { isReady, type Pod, TestRegion } from "./support/regions";
import { connectPublisher, type PublisherAccess } from "./support/regionNats";
import { openStack, type TestStack } from "./support/testStack";

const APP = "messages";
const NAMESPACE = `${APP}-test`;
const GATEWAY_PODS = "app.kubernetes.io/component=gateway";
const WORKER_PODS = "fullcode/function=worker";
const SINGLE_PODS = "fullcode/function=single";
const WORKERS = 3;
const MESSAGES = 1_000;

const eu = new TestRegion("eu");
const control = new DeliveryControl();
const folder = temporaryFolder();
let stack: TestStack;
let url: string;
let nats: PublisherAccess;

function declareApp(controlUrl: string): void {
  const app = new ServerlessApp(APP);
  const region = kubernetes({
    context: "eu",
    registry: `${REGISTRY}/${APP}`,
    nodeImage: NODE_IMAGE,
    nats: { image: NATS_IMAGE, memory: 128 },
    gateway: { cpu: 0.1, memory: 256 },
    pollingInterval: 1,
    scalingBehavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
  });
  const environments = [new Environment("test", { app, type: "test", regions: { eu: region } })];
  const code = codeFolder({ "src/index.js": CONTROLLED_HANDLER });
  const variables = { CONTROL: controlUrl };
  const egress = [{ cidr: `${new URL(controlUrl).hostname}/32` }];
  const common = { app, environments, code, variables, egress, cpu: 0.05, memory: 128, timeout: 120 };
  const worker = new FullCodeFunction("worker", { ...common, concurrency: 16, scale: { max: WORKERS, idle: 5 } });
  new QueueTrigger("jobs", { function: worker, queue: "jobs" });
  new QueueTrigger("letters", { function: worker, queue: "letters", maxDeliveries: 3, backoff: 0.5 });
  const single = new FullCodeFunction("single", { ...common, concurrency: 1, scale: { max: 10, idle: 5 } });
  new QueueTrigger("tasks", { function: single, queue: "tasks" });
}

beforeAll(async () => {
  const controlUrl = await control.listen("eu");
  stack = await openStack(APP, "test");
  await stack.deploy(() => declareApp(controlUrl));
  url = await eu.serviceUrl(NAMESPACE, "gateway");
  nats = await connectPublisher(eu, NAMESPACE);
});
beforeEach(() => {
  control.deliveries.length = 0;
  control.decide = () => ({});
});
afterEach(stopCliProcesses);
afterAll(() => nats.connection.close());
afterAll(async () => {
  control.close();
  await stack.destroy();
  removeCodeFolders();
});

/** Sends a message by the gateways' endpoint. @throws Error when it is not accepted. */
async function post(queue: string, id: string, agent?: Agent): Promise<void> {
  const { status, text } = await call(`${url}/queues/${queue}`, { body: { id }, agent });
  if (status !== 202) throw new Error(`${status}: ${text}`);
}

/** Sends a message as any NATS client can. @throws Error when the server does not confirm it. */
async function publish(queue: string, id: string): Promise<void> {
  await nats.js.publish(`${nats.subjectPrefix}${queue}`, JSON.stringify({ id }));
}

/** Sends a number of messages, some at a time, and returns their ids. */
async function sendMany(prefix: string, count: number, send: (id: string) => Promise<void>): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  const left = [...ids];
  const sendNext = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) await send(id);
  };
  await Promise.all(Array.from({ length: 16 }, sendNext));
  return ids;
}

/** Sends messages until it is stopped. Those that were accepted may not be lost; the others were not sent at all, or were. */
class SteadySender {
  readonly accepted: string[] = [];
  refused = 0;
  private isStopped = false;
  private readonly sending: Promise<unknown>;

  constructor(
    private readonly prefix: string,
    private readonly send: (id: string) => Promise<void>,
  ) {
    this.sending = Promise.all([0, 1, 2, 3].map((lane) => this.run(lane)));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.sending;
  }

  private async run(lane: number): Promise<void> {
    for (let number = 0; !this.isStopped; number++) {
      const id = `${this.prefix}-${lane}-${number}`;
      await this.send(id).then(
        () => this.accepted.push(id),
        () => this.refused++,
      );
      await pause(100);
    }
  }
}

function idOf({ body }: ReportedDelivery): string {
  return (body as { id: string }).id;
}

/** Waits until each of these messages has been with a handler. */
async function untilDelivered(ids: readonly string[], timeoutMs?: number): Promise<void> {
  let missing: string[] = [];
  await pollUntil(
    `${ids.length} messages are delivered`,
    () => {
      const delivered = new Set(control.deliveries.map(idOf));
      return (missing = ids.filter((id) => !delivered.has(id))).length === 0;
    },
    timeoutMs,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; ${missing.length} are missing, such as ${missing.slice(0, 5).join(", ")}`);
  });
}

async function cli(...args: string[]): Promise<string> {
  const options = ["--kubeconfig", eu.kubeconfig, "--context", "eu", "--namespace", NAMESPACE];
  const { stdout, output, exitCode } = await runCli([...args, ...options], { cwd: folder() });
  if (exitCode !== 0) throw new Error(`fullcode ${args.join(" ")} ended with ${exitCode}: ${output}`);
  return stdout;
}

interface QueueRow {
  queue: string;
  pending: number;
  inFlight: number;
  deadLetters: number;
}

async function countsOf(queue: string): Promise<Omit<QueueRow, "queue">> {
  const rows = JSON.parse(await cli("queue", "list", "--json")) as QueueRow[];
  const { pending, inFlight, deadLetters } = rows.find((row) => row.queue === queue)!;
  return { pending, inFlight, deadLetters };
}

describe("a thousand messages", () => {
  test("by the endpoint and by a NATS client scale a function up from zero, and are delivered once each", async () => {
    const gate = new Gate();
    control.decide = () => gate.opened.then(() => ({}));
    await eu.untilPods(NAMESPACE, WORKER_PODS, 0);

    const agent = new Agent({ keepAlive: true });
    const sent = await Promise.all([
      sendMany("posted", MESSAGES / 2, (id) => post("jobs", id, agent)),
      sendMany("published", MESSAGES / 2, (id) => publish("jobs", id)),
    ]);
    agent.destroy();
    await eu.untilPods(NAMESPACE, WORKER_PODS, WORKERS);
    gate.open();
    await untilDelivered(sent.flat());
    await pollUntil("nothing is left", async () => (await countsOf("jobs")).pending === 0);
    expect(control.deliveries).toHaveLength(MESSAGES);
  });

  test("and those sent meanwhile are not lost when NATS is killed, and when it is restarted", async () => {
    const gate = new Gate();
    control.decide = () => gate.opened.then(() => ({}));
    const queued = await sendMany("queued", MESSAGES, (id) => publish("jobs", id));
    const senders = [
      new SteadySender("posted", (id) => post("jobs", id)),
      new SteadySender("published", (id) => publish("jobs", id)),
    ];
    const untilAccepted = async (more: number) => {
      const goals = senders.map(({ accepted }) => accepted.length + more);
      await pollUntil("messages are accepted", () =>
        senders.every(({ accepted }, index) => accepted.length >= goals[index]),
      );
    };
    await untilAccepted(20);

    const [server] = await eu.untilPods(NAMESPACE, "app.kubernetes.io/component=nats", 1);
    await eu.kill(server);
    await untilRestarted(server);
    await untilAccepted(20);

    await eu.run("delete", "pod", "--namespace", NAMESPACE, server.metadata.name);
    await eu.untilPods(NAMESPACE, "app.kubernetes.io/component=nats", 1);
    await untilAccepted(20);

    await Promise.all(senders.map((sender) => sender.stop()));
    gate.open();
    const accepted = senders.flatMap((sender) => sender.accepted);
    await untilDelivered([...queued, ...accepted]);
    await pollUntil("nothing is left", async () => (await countsOf("jobs")).pending === 0);
  });
});

test("a message that fails is delivered again after longer and longer pauses, and then looked after by the CLI", async () => {
  let reason: string | undefined = "the printer is out of paper";
  control.decide = () => ({ fail: reason });
  await Promise.all(["first", "second", "third"].map((id) => post("letters", id)));
  await pollUntil("all are dead letters", async () => (await countsOf("letters")).deadLetters === 3);

  const first = control.deliveries.filter((each) => idOf(each) === "first");
  expect(first.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(first[1].at - first[0].at).toBeGreaterThanOrEqual(500);
  expect(first[2].at - first[1].at).toBeGreaterThanOrEqual(1_000);

  interface Letter {
    id: string;
    body: string;
    attempts: number;
    reason: string;
  }
  const letters = async () => JSON.parse(await cli("queue", "list", "letters", "--json")) as Letter[];
  const listed = await letters();
  expect(listed.map(({ body }) => (JSON.parse(body) as { id: string }).id).sort()).toEqual([
    "first",
    "second",
    "third",
  ]);
  for (const letter of listed) expect(letter).toMatchObject({ attempts: 3, reason });

  reason = undefined;
  control.deliveries.length = 0;
  await cli("queue", "redrive", "letters", listed[0].id);
  await pollUntil("it is delivered", () => control.deliveries.length === 1);
  expect(control.deliveries[0]).toMatchObject({ attempt: 1, body: JSON.parse(listed[0].body) as unknown });
  expect(JSON.parse(await cli("queue", "purge", "letters", listed[1].id, "--json"))).toMatchObject([{ count: 1 }]);
  expect((await letters()).map(({ id }) => id)).toEqual([listed[2].id]);
  await cli("queue", "redrive", "letters");
  await pollUntil("the last is delivered", () => control.deliveries.length === 2);
  await pollUntil("nothing is left", async () => {
    const { pending, inFlight, deadLetters } = await countsOf("letters");
    return pending + inFlight + deadLetters === 0;
  });
});

describe("four messages that run for long, of a function that takes one at a time", () => {
  const IDS = ["one", "two", "three", "four"];
  const gate = new Gate();
  let deliveries: ReportedDelivery[];
  let replicas: number[];

  test("have four instances: what waits and what is not acknowledged counts once", async () => {
    control.decide = () => gate.opened.then(() => ({}));
    replicas = [];
    for (const id of IDS) await publish("tasks", id);
    await pollUntil("the autoscaler has measured four instances", async () => {
      replicas.push((await eu.list(NAMESPACE, "pods", SINGLE_PODS)).length);
      const { status } = await eu.get<Autoscaler>(NAMESPACE, "horizontalpodautoscaler", "keda-hpa-single");
      const average = status.currentMetrics?.[0]?.external?.current.averageValue;
      return status.currentReplicas === 4 && average === "1" && control.deliveries.length === 4;
    });
    expect(Math.max(...replicas)).toBe(4);
    deliveries = [...control.deliveries];
    expect(deliveries.map(idOf).sort()).toEqual([...IDS].sort());
    expect(new Set(deliveries.map(({ pod }) => pod)).size).toBe(4);
    expect(await countsOf("tasks")).toEqual({ pending: 0, inFlight: 4, deadLetters: 0 });
  });

  test("are delivered again when their pod is killed", async () => {
    control.decide = () => gate.opened.then(() => ({}));
    const [victim] = deliveries;
    const pods = await eu.pods(NAMESPACE, SINGLE_PODS);
    await eu.kill(pods.find(({ metadata }) => metadata.name === victim.pod)!);
    await pollUntil("it is delivered again", () => control.deliveries.length > 0);
    expect(control.deliveries).toMatchObject([{ attempt: 2, body: victim.body }]);
    deliveries = [...deliveries.slice(1), control.deliveries[0]];
  });

  test("are delivered again when their gateway is killed, and those of the other gateway go on", async () => {
    control.decide = () => gate.opened.then(() => ({}));
    const gateways = await eu.untilPods(NAMESPACE, GATEWAY_PODS, 2);
    const running = await Promise.all(gateways.map(runningAt));
    expect(running[0] + running[1]).toBe(4);
    const victim = running[0] > 0 ? 0 : 1;
    await eu.kill(gateways[victim]);
    await pollUntil("its messages are delivered again", () => control.deliveries.length >= running[victim]);
    gate.open();
    await pollUntil("all have ended", async () => {
      const { pending, inFlight } = await countsOf("tasks");
      return pending + inFlight === 0;
    });
    expect(control.deliveries).toHaveLength(running[victim]);
    for (const again of control.deliveries) {
      const before = deliveries.find((each) => idOf(each) === idOf(again))!;
      expect(again.attempt).toBe(before.attempt + 1);
    }
  });

  test("leave no instance behind", async () => {
    await eu.untilPods(NAMESPACE, SINGLE_PODS, 0);
    await eu.untilPods(NAMESPACE, WORKER_PODS, 0);
  });
});

interface Autoscaler extends KubernetesObject {
  status: {
    currentReplicas?: number;
    desiredReplicas?: number;
    currentMetrics?: { external?: { current: { averageValue?: string } } }[];
  };
}

/** Messages that a gateway has with instances of the function that takes one at a time. */
async function runningAt(gateway: Pod): Promise<number> {
  const { functions } = await gatewayStatus(eu, gateway);
  return functions.find(({ name }) => name === "single")!.running;
}

/** Waits until a killed container has come back. */
async function untilRestarted({ metadata: { name }, status }: Pod): Promise<void> {
  const restarts = status.containerStatuses?.[0].restartCount ?? 0;
  await pollUntil(`${name} was restarted`, async () => {
    const pod = await eu.get<Pod>(NAMESPACE, "pod", name);
    return isReady(pod) && pod.status.containerStatuses?.[0].restartCount === restarts + 1;
  });
}
