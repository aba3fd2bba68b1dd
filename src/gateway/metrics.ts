import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import { type Invocation } from "./invocations/invocation";
import { type LocalLoads } from "./scaling/functionLoad";

// few, since each is a series a function, and what a scrape writes down nobody is served meanwhile

/** Bounds in seconds: from a handler that only looks something up to the longest timeout. */
const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120, 900];
/** Bounds in seconds: from an instance that is free to the longest wait for one. */
const HELD_BUCKETS = [0.005, 0.05, 0.25, 1, 2.5, 10, 60];
/** How often the event loop's delay is measured. */
const EVENT_LOOP_PRECISION_MS = 100;

/** What a gateway tells Prometheus. */
export interface GatewayMetrics {
  /** Counts an invocation at its end, answered or not. */
  invocationEnded(invocation: Invocation, functionName: string): void;
  /** Counts a request that was refused before it was an invocation or a message. */
  requestRefused(status: number): void;
  /** All metrics of now, in Prometheus' text format. */
  text(): Promise<string>;
}

type Labels = Record<string, string>;

/** Label sets of one function, made once. */
interface FunctionLabels {
  function: Labels;
  byTrigger: Map<string, Labels>;
  byStatus: Map<string, Map<number, StatusCount>>;
}

/** Invocations that have ended since the last scrape: what they are counted with until then takes next to no time. */
interface StatusCount {
  labels: Labels;
  count: number;
}

/**
 * Metrics of one gateway: of itself, and of each function that it has a document of. A function that is gone takes its
 * series with it, so that there are never more than the documents call for.
 */
export class PrometheusMetrics implements GatewayMetrics {
  private readonly registry = new Registry();
  private readonly known = new Map<string, FunctionLabels>();

  private readonly invocations = new Counter({
    name: "fullcode_invocations_total",
    help: "Invocations that have ended, by class of their status; none: the caller had gone",
    labelNames: ["function", "trigger", "status"],
    registers: [this.registry],
  });
  // by status only: paths are the callers' choice, and there is no end of them
  private readonly refusals = new Counter({
    name: "fullcode_requests_refused_total",
    help: "Requests that were refused before they were an invocation or a message, by their status",
    labelNames: ["status"],
    registers: [this.registry],
  });
  private readonly coldStarts = new Counter({
    name: "fullcode_cold_starts_total",
    help: "Invocations that arrived while no instance was linked, and have ended",
    labelNames: ["function"],
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: "fullcode_invocation_duration_seconds",
    help: "Time that an instance had the invocation",
    labelNames: ["function", "trigger"],
    buckets: DURATION_BUCKETS,
    registers: [this.registry],
  });
  private readonly waits = new Histogram({
    name: "fullcode_invocation_held_seconds",
    help: "Time that an invocation waited for an instance",
    labelNames: ["function"],
    buckets: HELD_BUCKETS,
    registers: [this.registry],
  });
  private readonly held = new Gauge({
    name: "fullcode_invocations_held",
    help: "Invocations by endpoints and testers that wait for an instance at this gateway",
    labelNames: ["function"],
    registers: [this.registry],
  });
  private readonly running = new Gauge({
    name: "fullcode_invocations_running",
    help: "Invocations by endpoints and testers that instances have from this gateway",
    labelNames: ["function"],
    registers: [this.registry],
  });
  private readonly instances = new Gauge({
    name: "fullcode_instances",
    help: "Instances that are linked to this gateway; each is linked to every gateway",
    labelNames: ["function"],
    registers: [this.registry],
  });

  constructor(private readonly loads: LocalLoads) {
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  }

  invocationEnded({ head, status, arrivedAt, dispatchedAt, coldStart }: Invocation, functionName: string): void {
    const now = performance.now();
    const trigger = head.trigger.type;
    const labels = this.labelsOf(functionName);
    statusCount(labels, trigger, Math.trunc(status / 100)).count++;
    if (coldStart) this.coldStarts.inc(labels.function);
    if (dispatchedAt > 0) this.durations.observe(triggerLabels(labels, trigger), (now - dispatchedAt) / 1_000);
    this.waits.observe(labels.function, ((dispatchedAt > 0 ? dispatchedAt : now) - arrivedAt) / 1_000);
  }

  requestRefused(status: number): void {
    this.refusals.inc({ status: String(status) });
  }

  text(): Promise<string> {
    const functions = this.loads.functions();
    for (const [name, labels] of this.known)
      if (functions.has(name)) this.handOver(labels);
      else this.forget(name, labels);
    for (const gauge of [this.held, this.running, this.instances]) gauge.reset();
    for (const name of functions.keys()) {
      const load = this.loads.load(name);
      if (load === undefined) continue;
      const labels = this.labelsOf(name).function;
      this.held.set(labels, load.held);
      this.running.set(labels, load.running);
      this.instances.set(labels, load.instances.length);
    }
    return this.registry.metrics();
  }

  private labelsOf(functionName: string): FunctionLabels {
    let labels = this.known.get(functionName);
    if (labels === undefined) {
      labels = { function: { function: functionName }, byTrigger: new Map(), byStatus: new Map() };
      this.known.set(functionName, labels);
    }
    return labels;
  }

  private handOver({ byStatus }: FunctionLabels): void {
    for (const classes of byStatus.values())
      for (const each of classes.values()) {
        this.invocations.inc(each.labels, each.count);
        each.count = 0;
      }
  }

  private forget(functionName: string, { function: own, byTrigger, byStatus }: FunctionLabels): void {
    this.known.delete(functionName);
    this.coldStarts.remove(own);
    this.waits.remove(own);
    for (const labels of byTrigger.values()) this.durations.remove(labels);
    for (const classes of byStatus.values()) for (const { labels } of classes.values()) this.invocations.remove(labels);
  }
}

function triggerLabels({ function: own, byTrigger }: FunctionLabels, trigger: string): Labels {
  let labels = byTrigger.get(trigger);
  if (labels === undefined) byTrigger.set(trigger, (labels = { ...own, trigger }));
  return labels;
}

/** @param statusClass - The status' first digit. What a handler makes up beyond HTTP's counts as 5xx, as servers do. */
function statusCount({ function: own, byStatus }: FunctionLabels, trigger: string, statusClass: number): StatusCount {
  const known = Math.min(Math.max(statusClass, 0), 5);
  let classes = byStatus.get(trigger);
  if (classes === undefined) byStatus.set(trigger, (classes = new Map<number, StatusCount>()));
  let counted = classes.get(known);
  if (counted === undefined) {
    counted = { labels: { ...own, trigger, status: known === 0 ? "none" : `${known}xx` }, count: 0 };
    classes.set(known, counted);
  }
  return counted;
}
