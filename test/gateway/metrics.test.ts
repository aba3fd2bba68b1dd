import { Invocation, type InvocationCaller } from "../../src/gateway/invocations/invocation";
import { PrometheusMetrics } from "../../src/gateway/metrics";
import { type FunctionLoad, type LocalLoads, type ScaledFunction } from "../../src/gateway/scaling/functionLoad";
import { API_VERSION, functionDocument } from "../../src/spec";

const functions = new Map<string, ScaledFunction>();
const current = new Map<string, FunctionLoad>();
const loads: LocalLoads = { functions: () => functions, load: (name) => current.get(name) };

// nothing is answered to it here
const caller = {} as InvocationCaller;

beforeEach(() => {
  functions.clear();
  current.clear();
  declare("orders", { held: 0, running: 0, instances: [] });
});

function declare(name: string, load: Pick<FunctionLoad, "held" | "running" | "instances">): void {
  const document = functionDocument.parse({
    kind: "Function",
    apiVersion: API_VERSION,
    name,
    version: "1",
    runtime: "nodejs",
    concurrency: 16,
  });
  functions.set(name, { document, queues: [] });
  current.set(name, { ...load, withoutCapacity: false, idleMs: Infinity });
}

interface End {
  type?: "endpoint" | "queue";
  status?: number;
  coldStart?: boolean;
  /** How long ago it was given to an instance; undefined when it never was. */
  ranMs?: number;
}

function ended({ type = "endpoint", status = 200, coldStart = false, ranMs }: End): Invocation {
  const head = { requestId: "1", trigger: { type, name: "get-order" }, startedAt: 0, attempt: 1 };
  const invocation = new Invocation(head, "GET /orders", caller, Buffer.alloc(0));
  Object.assign(invocation, { status, coldStart });
  if (ranMs !== undefined) invocation.dispatchedAt = performance.now() - ranMs;
  return invocation;
}

/** The samples of the metrics with a name of ours, by name and labels. */
async function samples(metrics: PrometheusMetrics): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("fullcode_"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

it("counts invocations by function, trigger and class of status", async () => {
  const metrics = new PrometheusMetrics(loads);
  declare("mail", { held: 0, running: 0, instances: [] });
  for (const status of [200, 204, 301, 404, 429, 503, 0, 999]) metrics.invocationEnded(ended({ status }), "orders");
  metrics.invocationEnded(ended({ type: "queue", coldStart: true }), "mail");
  const of = (functionName: string, trigger: string, status: string) =>
    `fullcode_invocations_total{function="${functionName}",trigger="${trigger}",status="${status}"}`;
  const all = await samples(metrics);
  expect(Object.fromEntries(Object.entries(all).filter(([name]) => name.includes("invocations_total")))).toEqual({
    [of("orders", "endpoint", "2xx")]: 2,
    [of("orders", "endpoint", "3xx")]: 1,
    [of("orders", "endpoint", "4xx")]: 2,
    [of("orders", "endpoint", "5xx")]: 2,
    [of("orders", "endpoint", "none")]: 1,
    [of("mail", "queue", "2xx")]: 1,
  });
  expect(all['fullcode_cold_starts_total{function="mail"}']).toBe(1);
  expect(all).not.toHaveProperty('fullcode_cold_starts_total{function="orders"}');
});

it("counts requests that were refused by their status", async () => {
  const metrics = new PrometheusMetrics(loads);
  functions.clear();
  for (const status of [401, 404, 404]) metrics.requestRefused(status);
  expect(await samples(metrics)).toEqual({
    'fullcode_requests_refused_total{status="401"}': 1,
    'fullcode_requests_refused_total{status="404"}': 2,
  });
});

it("tells how long invocations ran and waited", async () => {
  const metrics = new PrometheusMetrics(loads);
  metrics.invocationEnded(ended({ ranMs: 60 }), "orders");
  metrics.invocationEnded(ended({ ranMs: 300 }), "orders");
  // none ran: it was never given to an instance
  metrics.invocationEnded(ended({ status: 503 }), "orders");
  const all = await samples(metrics);
  const duration = (le: string) =>
    all[`fullcode_invocation_duration_seconds_bucket{le="${le}",function="orders",trigger="endpoint"}`];
  expect([duration("0.025"), duration("0.25"), duration("1"), duration("+Inf")]).toEqual([0, 1, 2, 2]);
  expect(all['fullcode_invocation_duration_seconds_sum{function="orders",trigger="endpoint"}']).toBeCloseTo(0.36, 0);
  expect(all['fullcode_invocation_held_seconds_count{function="orders"}']).toBe(3);
});

it("tells what is held, running and linked at the moment of the scrape", async () => {
  const metrics = new PrometheusMetrics(loads);
  declare("orders", { held: 3, running: 2, instances: ["a", "b"] });
  expect(await samples(metrics)).toEqual({
    'fullcode_invocations_held{function="orders"}': 3,
    'fullcode_invocations_running{function="orders"}': 2,
    'fullcode_instances{function="orders"}': 2,
  });
  declare("orders", { held: 0, running: 1, instances: [] });
  expect(await samples(metrics)).toMatchObject({
    'fullcode_invocations_held{function="orders"}': 0,
    'fullcode_invocations_running{function="orders"}': 1,
    'fullcode_instances{function="orders"}': 0,
  });
});

it("forgets functions that are gone", async () => {
  const metrics = new PrometheusMetrics(loads);
  metrics.invocationEnded(ended({ ranMs: 1, coldStart: true }), "orders");
  metrics.invocationEnded(ended({ type: "queue", ranMs: 1 }), "orders");
  expect(Object.keys(await samples(metrics)).length).toBeGreaterThan(20);
  functions.delete("orders");
  expect(await samples(metrics)).toEqual({});
});

it("keeps to itself: two gateways in one process do not share a sample", async () => {
  const [one, other] = [new PrometheusMetrics(loads), new PrometheusMetrics(loads)];
  one.invocationEnded(ended({}), "orders");
  expect(await one.text()).toContain("fullcode_invocations_total{");
  expect(await other.text()).not.toContain("fullcode_invocations_total{");
});

it("tells how the gateway itself does", async () => {
  const text = await new PrometheusMetrics(loads).text();
  for (const name of ["process_resident_memory_bytes", "process_cpu_seconds_total", "nodejs_eventloop_lag_seconds"])
    expect(text).toMatch(new RegExp(`^${name} [\\d.e-]+$`, "m"));
});
