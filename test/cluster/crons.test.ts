import { nanos } from "@nats-io/transport-node";

import { CronTrigger, Environment, FullCodeFunction, kubernetes, ServerlessApp } from "../../src";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { CONTROLLED_HANDLER, DeliveryControl } from "./support/deliveryControl";
import { gatewayStatus } from "./support/gatewayStatus";
import { NATS_IMAGE, NODE_IMAGE, REGISTRY } from "./support/machine";
import { pollUntil } from "./support/pollUntil";
import { connectOperator } from "./support/regionNats";
import { type Pod, TestRegion } from "./support/regions";
import { openStack, type TestStack } from "./support/testStack";

const APP = "crons";
const GATEWAY_PODS = "app.kubernetes.io/component=gateway";
const TICKS = ["tick-1", "tick-2", "tick-3", "tick-4", "tick-5"];
const SECOND_MS = 1_000;
/** For each of five crons: more than 200 firings, and time for what a killed gateway had to be delivered again. */
const SECONDS = 45;
/** From declaring a firing to the time at which no gateway is left that could fire it. */
const HALT_MS = 35 * SECOND_MS;
/** A firing that is later than this is missed, and its cron decides what becomes of it. */
const LATE_MS = 60 * SECOND_MS;
const WINDOW_MS = 120 * SECOND_MS;

const eu = new TestRegion("eu");
const control = new DeliveryControl();
let code: string;
let controlUrl: string;
let stack: TestStack;

/** Two regions in one cluster, so that one can wait for its gateways while the other one is looked at. */
type CronRegion = "steady" | "halted";

/** @param once - When the cron fires that fires once a day, if there is one. */
function declareApp(once?: Date): void {
  const app = new ServerlessApp(APP);
  const region = (name: CronRegion) =>
    kubernetes({
      context: "eu",
      namespace: namespaceOf(name),
      registry: `${REGISTRY}/${APP}`,
      nodeImage: NODE_IMAGE,
      nats: { image: NATS_IMAGE, memory: 128 },
      gateway: { cpu: 0.1, memory: 256 },
      pollingInterval: 1,
    });
  const regions = { steady: region("steady"), halted: region("halted") };
  const ticker = new FullCodeFunction("ticker", {
    app,
    environments: [new Environment("test", { app, type: "test", regions })],
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

function namespaceOf(region: CronRegion): string {
  return `${APP}-${region}`;
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

function gateways(region: CronRegion): Promise<Pod[]> {
  return eu.untilPods(namespaceOf(region), GATEWAY_PODS, 2);
}

async function scaleGateways(region: CronRegion, replicas: number): Promise<void> {
  await eu.run("scale", "--namespace", namespaceOf(region), "deployment/gateway", `--replicas=${replicas}`);
  await eu.untilPods(namespaceOf(region), GATEWAY_PODS, replicas);
}

/** What has been delivered of each firing: `<cron> <scheduled time>` → attempts. */
function firingsOf(region: CronRegion): Map<string, number[]> {
  const firings = new Map<string, number[]>();
  for (const { trigger, scheduledTime, attempt } of control.in(region)) {
    const key = `${trigger} ${scheduledTime}`;
    firings.set(key, [...(firings.get(key) ?? []), attempt]);
  }
  return firings;
}

/** Firings that came more than once, otherwise than as one message that was delivered again. */
function repeatedOf(region: CronRegion): [string, number[]][] {
  return [...firingsOf(region)].filter(([, attempts]) => new Set(attempts).size < attempts.length);
}

/** Firings of all crons that fire every second. */
function ticksBetween(from: number, to: number): string[] {
  const times: string[] = [];
  for (let time = from; time <= to; time += SECOND_MS) times.push(new Date(time).toISOString());
  return TICKS.flatMap((tick) => times.map((time) => `${tick} ${time}`));
}

async function untilDelivered(region: CronRegion, firings: readonly string[]): Promise<void> {
  let missing: string[] = [];
  await pollUntil(`${firings.length} firings are delivered`, () => {
    const delivered = firingsOf(region);
    return (missing = firings.filter((firing) => !delivered.has(firing))).length === 0;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; ${missing.length} are missing, such as ${missing.slice(0, 5).join(", ")}`);
  });
}

function fullSecond(time: number): number {
  return Math.ceil(time / SECOND_MS) * SECOND_MS;
}

describe("two gateways", () => {
  /** When the cron was due that fires once, with no gateway there. */
  let missed: number;
  /** NATS of the region without gateways. */
  let nats: Awaited<ReturnType<typeof connectOperator>>;
  const stream = `fullcode_${APP}_test_halted`;
  afterAll(() => nats.connection.close());

  test("that end leave the firings that they have made, each a message of its own", async () => {
    missed = fullSecond(Date.now() + HALT_MS);
    await stack.deploy(() => declareApp(new Date(missed)));
    const running = await gateways("halted");
    await pollUntil("both have the new cron", async () => {
      const statuses = await Promise.all(running.map((pod) => gatewayStatus(eu, pod)));
      return statuses.every(({ crons }) => crons.some(({ name }) => name === "once"));
    });
    await pollUntil("all crons fire", () => new Set(control.in("halted").map(({ trigger }) => trigger)).size === 5);
    await scaleGateways("halted", 0);
    expect(Date.now()).toBeLessThan(missed);

    nats = await connectOperator(eu, namespaceOf("halted"));
    const { config, state } = await nats.jsm.streams.info(stream);
    expect(state.last_seq - state.messages).toBe(firingsOf("halted").size);
    // what NATS forgets two minutes after it came, it forgets now, and the outage can be shorter
    expect(config.duplicate_window).toBe(nanos(WINDOW_MS));
    await nats.jsm.streams.update(stream, { duplicate_window: nanos(SECOND_MS) });
  });

  test("fire each cron once, while one of them is killed and the other one is restarted", async () => {
    const [killed, restarted] = await gateways("steady");
    const from = fullSecond(Date.now());
    await pollUntil("the first firings", () => Date.now() > from + 5 * SECOND_MS);
    await eu.kill(killed);
    await pollUntil("almost half of them", () => Date.now() > from + 18 * SECOND_MS);
    await gateways("steady");
    await eu.run("delete", "pod", "--namespace", namespaceOf("steady"), restarted.metadata.name, "--wait=false");
    await untilDelivered("steady", ticksBetween(from, from + SECONDS * SECOND_MS));
    await gateways("steady");
    expect(repeatedOf("steady")).toEqual([]);
  });

  test("repeat no firing after an outage in which NATS has forgotten them, and make up for the one that was missed", async () => {
    await pollUntil("it is too late to count as on time", () => Date.now() > missed + LATE_MS + SECOND_MS);
    const back = fullSecond(Date.now());
    await scaleGateways("halted", 2);
    const ready = fullSecond(Date.now());
    // of those that have been missed by less, the last ones: gateways take a while to start
    await untilDelivered("halted", ticksBetween(back - LATE_MS / 2, ready + 5 * SECOND_MS));
    const made = control.in("halted").filter(({ trigger }) => trigger === "once");
    expect(made).toMatchObject([{ attempt: 1, scheduledTime: new Date(missed).toISOString() }]);
    expect(repeatedOf("halted")).toEqual([]);
    expect((await nats.jsm.streams.info(stream)).config.duplicate_window).toBe(nanos(WINDOW_MS));
  });
});
