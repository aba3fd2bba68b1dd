import { nanos } from "@nats-io/transport-node";

import { CronTrigger, Environment, FullCodeFunction, kubernetes, ServerlessApp } from "../../src";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { CONTROLLED_HANDLER, DeliveryControl, type ReportedDelivery } from "./support/deliveryControl";
import { gatewayStatus } from "./support/gatewayStatus";
import { NATS_IMAGE, NODE_IMAGE, REGISTRY } from "./support/machine";
import { pollUntil } from "./support/pollUntil";
import { connectOperator } from "./support/regionNats";
import { type Pod, TestRegion } from "./support/regions";
import { openStack, type TestStack } from "./support/testStack";

const APP = "crons";
const NAMESPACE = `${APP}-test`;
const GATEWAY_PODS = "app.kubernetes.io/component=gateway";
const STREAM = `fullcode_${APP}_test_eu`;
const TICKS = ["tick-1", "tick-2", "tick-3", "tick-4", "tick-5"];
const SECOND_MS = 1_000;
/** For each cron, so that there are more than 200. */
const SECONDS = 45;
/** What is later than this is missed, and the cron decides what becomes of it. */
const LATE_MS = 60 * SECOND_MS;
/** From a program that declares a firing to gateways that are gone. */
const HALT_MS = 30 * SECOND_MS;

const eu = new TestRegion("eu");
const control = new DeliveryControl();
let code: string;
let controlUrl: string;
let stack: TestStack;

/** @param once - When the cron fires that fires once a day, if there is one. */
function declareApp(once?: Date): void {
  const app = new ServerlessApp(APP);
  const region = kubernetes({
    context: "eu",
    registry: `${REGISTRY}/${APP}`,
    nodeImage: NODE_IMAGE,
    nats: { image: NATS_IMAGE, memory: 128 },
    gateway: { cpu: 0.1, memory: 256 },
    pollingInterval: 1,
  });
  const ticker = new FullCodeFunction("ticker", {
    app,
    environments: [new Environment("test", { app, type: "test", regions: { eu: region } })],
    code,
    variables: { CONTROL: controlUrl },
    egress: [{ cidr: `${new URL(controlUrl).hostname}/32` }],
    cpu: 0.05,
    memory: 128,
    scale: { min: 1 },
  });
  for (const tick of TICKS) new CronTrigger(tick, { function: ticker, schedule: "* * * * * *" });
  if (once === undefined) return;
  const schedule = `${once.getUTCSeconds()} ${once.getUTCMinutes()} ${once.getUTCHours()} * * *`;
  new CronTrigger("once", { function: ticker, schedule, missed: "latest" });
}

beforeAll(async () => {
  code = codeFolder({ "src/index.js": CONTROLLED_HANDLER });
  controlUrl = await control.listen("eu");
  stack = await openStack(APP, "test");
  await stack.deploy(() => declareApp());
});
afterAll(async () => {
  control.close();
  await stack.destroy();
  removeCodeFolders();
});

function gateways(): Promise<Pod[]> {
  return eu.untilPods(NAMESPACE, GATEWAY_PODS, 2);
}

/** Deliveries of each firing: `<cron> <scheduled time>` → attempts. */
function attempts(deliveries: readonly ReportedDelivery[]): Map<string, number[]> {
  const firings = new Map<string, number[]>();
  for (const { trigger, scheduledTime, attempt } of deliveries) {
    const key = `${trigger} ${scheduledTime}`;
    firings.set(key, [...(firings.get(key) ?? []), attempt]);
  }
  return firings;
}

/** Firings of all crons that fire every second. */
function ticksBetween(from: number, to: number): string[] {
  const times: string[] = [];
  for (let time = from; time <= to; time += SECOND_MS) times.push(new Date(time).toISOString());
  return TICKS.flatMap((tick) => times.map((time) => `${tick} ${time}`));
}

async function untilFired(firings: readonly string[]): Promise<void> {
  let missing: string[] = [];
  await pollUntil(`${firings.length} firings are delivered`, () => {
    const delivered = attempts(control.deliveries);
    return (missing = firings.filter((firing) => !delivered.has(firing))).length === 0;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; ${missing.length} are missing, such as ${missing.slice(0, 5).join(", ")}`);
  });
}

/** Firings that came twice otherwise than as one message that was delivered again. */
function repeated(deliveries: readonly ReportedDelivery[]): [string, number[]][] {
  return [...attempts(deliveries)].filter(([, numbers]) => new Set(numbers).size < numbers.length);
}

test("two gateways fire each cron once, while one of them is killed and the other one is restarted", async () => {
  const [killed, restarted] = await gateways();
  await pollUntil("all crons fire", () => new Set(control.deliveries.map(({ trigger }) => trigger)).size === 5);
  const from = Math.ceil(Date.now() / SECOND_MS) * SECOND_MS + SECOND_MS;
  const to = from + SECONDS * SECOND_MS;

  await pollUntil("the first firings of many", () => Date.now() > from + 5 * SECOND_MS);
  await eu.kill(killed);
  await pollUntil("half of the time is over", () => Date.now() > from + 18 * SECOND_MS);
  await gateways();
  await eu.run("delete", "pod", "--namespace", NAMESPACE, restarted.metadata.name, "--wait=false");
  await untilFired(ticksBetween(from, to));
  await gateways();
  expect(repeated(control.deliveries)).toEqual([]);
  // only what a gateway had when it was killed is delivered again
  const again = control.deliveries.filter(({ attempt }) => attempt > 1);
  console.log(`${control.deliveries.length} deliveries, ${again.length} of them repeated`);
});

test("an outage that is longer than NATS remembers message ids repeats no firing, and the one missed comes once", async () => {
  const missed = Math.ceil((Date.now() + HALT_MS) / SECOND_MS) * SECOND_MS;
  await stack.deploy(() => declareApp(new Date(missed)));
  const running = await gateways();
  await pollUntil("all gateways have the new cron", async () => {
    const statuses = await Promise.all(running.map((pod) => gatewayStatus(eu, pod)));
    return statuses.every(({ crons }) => crons.some(({ name }) => name === "once"));
  });
  await scaleGateways(0);
  await eu.untilPods(NAMESPACE, GATEWAY_PODS, 0);
  expect(Date.now()).toBeLessThan(missed);

  // the window is two minutes: what is forgotten after them is forgotten now
  const { connection, jsm } = await connectOperator(eu, NAMESPACE);
  const { config, state } = await jsm.streams.info(STREAM);
  expect(config.duplicate_window).toBe(nanos(120 * SECOND_MS));
  await jsm.streams.update(STREAM, { duplicate_window: nanos(SECOND_MS) });
  // every message that NATS ever took was one firing
  expect(state.messages).toBe(0);
  expect(state.last_seq).toBe(attempts(control.deliveries).size);

  await pollUntil("the firing is too late to count as on time", () => Date.now() > missed + LATE_MS + 2 * SECOND_MS);
  const back = Math.floor(Date.now() / SECOND_MS) * SECOND_MS;
  await scaleGateways(2);
  await gateways();
  const ready = Math.ceil(Date.now() / SECOND_MS) * SECOND_MS;
  await untilFired(ticksBetween(back - LATE_MS + 20 * SECOND_MS, ready + 5 * SECOND_MS));
  expect(control.of("once")).toMatchObject([{ attempt: 1, scheduledTime: new Date(missed).toISOString() }]);
  expect(repeated(control.deliveries)).toEqual([]);
  expect((await jsm.streams.info(STREAM)).config.duplicate_window).toBe(nanos(120 * SECOND_MS));
  await connection.close();
});

async function scaleGateways(replicas: number): Promise<void> {
  await eu.run("scale", "--namespace", NAMESPACE, "deployment/gateway", `--replicas=${replicas}`);
}
