import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";

import { type Hello, type InvocationError } from "../../link/messages";
import { type FunctionDocument, type RegionDocument } from "../../spec";
import { GatewayError } from "../invocations/gatewayError";
import { DemandWindow } from "./demandWindow";
import { type InstanceSupply, type SupplyEvents } from "./instanceSupply";
import { type Launcher, type PreparedCode } from "./launcher";
import { type RunningInstance } from "./runningInstance";

/** Pause after an instance could not be started; doubles with each further failure. */
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 15_000;
/** An instance that has been ready for so long has shown that its code runs, whatever ends it later. */
const STEADY_MS = 10_000;
/**
 * Failures in a row from which on instances that end soon after they were ready count as ones that cannot run: until then
 * what waits is held for the next one, from then on it is answered with the reason.
 */
const CRASH_LOOP_EXITS = 3;
/** Instances that start at the same time: more than there are cores only make each other, and so the first one, late. */
const MAX_STARTING = Math.max(2, availableParallelism());
/**
 * With an instance there, others are started once something has waited for so long. Fast handlers take whatever comes with
 * few instances; each further one would only cost memory, and more processes to wake.
 */
const SCALE_OUT_WAIT_MS = 20;
/** Time that an instance has to say itself that its code did not load in time. */
const INIT_GRACE_MS = 2_000;
/** Time for an instance to end after it was asked to, beyond its timeout. */
const EXIT_GRACE_MS = 5_000;

interface Member {
  running: RunningInstance;
  generation: number;
  /** Time that an invocation may take by what it was started with. */
  timeoutMs: number;
  /** It has linked and can be given work. */
  ready: boolean;
  /** It was told to end, or has said that it will. */
  leaving: boolean;
  /** It was told to end. */
  dismissed: boolean;
  /** Its link ended though nobody had told it to leave. */
  lost: boolean;
  /** Its code did not load: it answers with the reason for a while, and ends. */
  broken: boolean;
  /** An invocation has ended on it, or it has been ready for long. */
  proven: boolean;
  /** It was ended since it was not ready in time. */
  late: boolean;
  readyAt: number;
  /** Ends it if it is not ready in time; from then on the time until it is proven. */
  timer: NodeJS.Timeout;
}

/** Starts and ends the instances of one function of a `local()` region as the demand asks. */
export class InstancePool implements InstanceSupply {
  private readonly members = new Map<string, Member>();
  private readonly window = new DemandWindow();
  private generation = 1;
  private prepared: Promise<PreparedCode> | undefined;
  private preparing = 0;
  /** Failed starts, and ends soon after a start, in a row. */
  private failures = 0;
  private retryTimer: NodeJS.Timeout | undefined;
  private idleTimer: NodeJS.Timeout | undefined;
  private waitTimer: NodeJS.Timeout | undefined;
  private stopped = false;
  private settled: (() => void) | undefined;
  private startFailure: string | undefined;
  private crashFailure: string | undefined;

  constructor(
    private document: FunctionDocument,
    private region: RegionDocument,
    private readonly launcher: Launcher,
    private readonly events: SupplyEvents,
  ) {
    launcher.prepareStarts();
  }

  /** Why instances cannot be started, or do not last; undefined once one has shown that they can, and do. */
  get failure(): string | undefined {
    return this.crashFailure ?? this.startFailure;
  }

  get startingCount(): number {
    let count = this.preparing;
    for (const member of this.members.values())
      if (member.generation === this.generation && !member.ready && !member.leaving) count++;
    return count;
  }

  /** Whether an instance of a name was started here and belongs to the current code. */
  isCurrent(instance: string): boolean {
    return this.members.get(instance)?.generation === this.generation;
  }

  isAwaited({ instance }: Hello): boolean {
    return this.members.has(instance);
  }

  update(document: FunctionDocument, region: RegionDocument): void {
    // the look that is due by the idle time of before may be far away
    if (document.scale.idleSeconds !== this.document.scale.idleSeconds) {
      clearTimeout(this.idleTimer);
      this.idleTimer = undefined;
    }
    this.document = document;
    this.region = region;
  }

  /**
   * New code, settings or parameters: instances of the new generation are started beside the old ones, which go once
   * the first of the new ones takes work.
   */
  replace(): void {
    this.generation++;
    this.prepared = undefined;
    this.failures = 0;
    this.startFailure = undefined;
    this.crashFailure = undefined;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    for (const [instance, member] of this.members)
      if (!member.ready && !member.leaving) this.endMember(instance, member);
    const busy = [...this.members.values()].some((member) => !member.leaving);
    this.scale(busy ? 1 : 0);
    if (!busy) this.retireOld();
  }

  /** An instance has linked and given its first credits. */
  ready(instance: string): void {
    const member = this.members.get(instance);
    if (member === undefined || member.ready) return;
    member.ready = true;
    member.readyAt = performance.now();
    clearTimeout(member.timer);
    member.timer = setTimeout(() => this.prove(member), STEADY_MS).unref();
    if (member.generation === this.generation) this.retireOld();
  }

  /** An instance has shown that its code loads. */
  healthy(): void {
    this.startFailure = undefined;
  }

  worked(instance: string): void {
    const member = this.members.get(instance);
    if (member?.proven === false) this.prove(member);
  }

  private prove(member: Member): void {
    member.proven = true;
    if (member.broken || member.generation !== this.generation) return;
    this.failures = 0;
    this.crashFailure = undefined;
  }

  initFailed(instance: string, error: InvocationError): void {
    const member = this.members.get(instance);
    if (member?.generation !== this.generation) return;
    member.broken = true;
    this.startFailure = `${error.errorType}: ${error.errorMessage}`;
  }

  leaving(instance: string, dismissed: boolean): void {
    const member = this.members.get(instance);
    if (member === undefined) return;
    member.leaving = true;
    member.dismissed ||= dismissed;
  }

  kill(instance: string): void {
    const member = this.members.get(instance);
    if (member === undefined) return;
    member.dismissed = true;
    member.running.kill();
  }

  /** The link has ended; the process follows, or is made to. */
  unlinked(instance: string): void {
    const member = this.members.get(instance);
    if (member === undefined) return;
    member.lost = !member.leaving;
    member.leaving = true;
    member.running.end(EXIT_GRACE_MS);
  }

  /** Compares what is there with what the demand needs. */
  scale(atLeast = 0): void {
    if (this.stopped) return;
    const { scale, concurrency } = this.document;
    const needed = Math.max(Math.ceil(this.events.demand() / concurrency), atLeast);
    const live = this.events.liveInstances();
    const busy = live.length > 0 && needed > live.length && atLeast <= live.length;
    if (busy && this.events.longestWaitMs() < SCALE_OUT_WAIT_MS) return this.scaleLater();
    const desired = Math.min(Math.max(needed, scale.min), scale.max);
    const starting = this.startingCount;
    const missing = Math.min(desired - live.length - starting, MAX_STARTING - starting);
    if (this.retryTimer === undefined) for (let i = 0; i < missing; i++) void this.launch();
    const peak = Math.max(needed, Math.ceil(this.events.takePeak() / concurrency));
    const kept = Math.min(Math.max(this.window.record(peak, scale.idleSeconds * 1000), scale.min), scale.max);
    for (const instance of live.slice(kept)) this.events.drain(instance);
    if (live.length > scale.min) this.scheduleIdleCheck(scale.idleSeconds * 1000);
  }

  /** What waits may be taken in a moment; only if it is not, another instance is worth its start. */
  private scaleLater(): void {
    this.waitTimer ??= setTimeout(() => {
      this.waitTimer = undefined;
      this.scale();
    }, SCALE_OUT_WAIT_MS);
  }

  /** Ends all instances once their invocations have ended; resolves when the last process has. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retryTimer);
    clearTimeout(this.idleTimer);
    clearTimeout(this.waitTimer);
    for (const [instance, member] of this.members) this.endMember(instance, member);
    if (this.members.size > 0) await new Promise<void>((resolve) => (this.settled = resolve));
  }

  private endMember(instance: string, member: Member): void {
    if (member.ready && !member.leaving) this.events.drain(instance);
    member.leaving = true;
    member.dismissed = true;
    // what runs on it began under the timeout of before or under that of now
    const timeoutMs = Math.max(member.timeoutMs, this.document.timeoutSeconds * 1000);
    member.running.end((member.ready ? timeoutMs : 0) + EXIT_GRACE_MS);
  }

  private retireOld(): void {
    for (const [instance, member] of this.members)
      if (member.generation !== this.generation && !member.leaving) this.endMember(instance, member);
  }

  private async launch(): Promise<void> {
    const generation = this.generation;
    this.preparing++;
    this.prepared ??= this.launcher.prepare(this.document);
    const result = await this.prepared.then(
      (code) => ({ code }),
      (error: unknown) => ({ problem: (error as Error).message }),
    );
    this.preparing--;
    // while it was prepared, it counted as one that starts
    if (generation !== this.generation || this.stopped) return this.scale();
    if ("problem" in result) {
      this.prepared = undefined;
      return this.startFailed("CodeNotBuilt", result.problem);
    }
    this.events.onBundled(result.code.elsewhere ?? []);
    const instance = `${this.document.name}-${randomBytes(4).toString("hex")}`;
    let running: RunningInstance;
    try {
      running = this.launcher.launch(this.document, result.code, this.region, instance, {
        onOutput: (stream, line) => this.events.onOutput(instance, stream, line),
        onExit: (description) => this.onExit(instance, description),
      });
    } catch (error) {
      return this.startFailed("InstanceStartFailed", `it could not be made: ${(error as Error).message}`);
    }
    // the instance watches over its own start, unless the code that it loads keeps it from doing anything
    const { timeoutSeconds, limits } = this.document;
    const timer = setTimeout(
      () => {
        this.members.get(instance)!.late = true;
        running.kill();
      },
      limits.initSeconds * 1000 + INIT_GRACE_MS,
    ).unref();
    const state = {
      ready: false,
      leaving: false,
      dismissed: false,
      lost: false,
      broken: false,
      proven: false,
      late: false,
    };
    this.members.set(instance, {
      running,
      generation,
      timeoutMs: timeoutSeconds * 1000,
      ...state,
      readyAt: 0,
      timer,
    });
  }

  private onExit(instance: string, description: string): void {
    const member = this.members.get(instance)!;
    this.members.delete(instance);
    clearTimeout(member.timer);
    if (!this.stopped && member.generation === this.generation) this.onEnded(instance, description, member);
    if (this.stopped && this.members.size === 0) this.settled?.();
    this.scale();
  }

  private onEnded(instance: string, description: string, member: Member): void {
    const unexpected = member.lost || !member.leaving;
    const { errorOutput } = member.running;
    if (!member.ready) {
      if (member.late) this.startFailed("InitTimeout", this.tooLate());
      else if (unexpected) this.startFailed("InstanceStartFailed", `the instance ${description}`, errorOutput);
    } else if (!member.proven && !member.dismissed && !member.broken) this.crashed(instance, description, member);
    else if (unexpected)
      this.events.onNote(
        "warn",
        `instance ${instance} ${this.explain(description, member)}; it is replaced when needed`,
      );
  }

  private tooLate(): string {
    return `the code was not loaded within ${this.document.limits.initSeconds} s and kept its process busy all the time: a loop or a long computation at its top level`;
  }

  private explain(description: string, { running }: Member): string {
    if (!running.errorOutput.includes("heap out of memory")) return description;
    return `ran out of memory (\`memory\` is ${this.document.memoryMiB} MiB) and ${description}: raise \`memory\` or look for a leak`;
  }

  /** An instance has ended soon after it was ready, and nothing has ended on it: the next one may fare no better. */
  private crashed(instance: string, description: string, member: Member): void {
    this.failures++;
    const seconds = ((performance.now() - member.readyAt) / 1000).toFixed(1);
    const reason = `${this.explain(description, member)}, ${seconds} s after it was ready and before an invocation had ended on it`;
    const looping = this.failures >= CRASH_LOOP_EXITS;
    // the first may have been ended by what it was asked for
    const pause = this.failures === 1 ? 0 : this.pauseLaunches(this.failures - 1);
    this.events.onNote(
      looping ? "error" : "warn",
      `instance ${instance} ${reason}; ` +
        (looping ? `that is ${this.failures} in a row, ` : "") +
        `${pause === 0 ? "it is replaced when needed" : `another one is started in ${pause / 1000} s at the earliest`}. ` +
        "Its log says why: an error that nothing handles ends an instance, also one of a timer, a promise or a connection that the code started while it was loaded",
    );
    if (!looping) return;
    const last = `ended soon after their start; the last one ${description}`;
    this.crashFailure = `${this.failures} instances in a row ${last}`;
    const message = `the function's instances do not last: several in a row ${last}`;
    this.events.onStartFailed(new GatewayError(502, "CrashLoop", message, undefined, true));
  }

  /** @returns the pause in milliseconds. */
  private pauseLaunches(failures: number): number {
    const pause = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS);
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = undefined;
      this.scale();
    }, pause);
    return pause;
  }

  private isServedByOld(): boolean {
    return [...this.members.values()].some(
      ({ generation, ready, leaving }) => generation !== this.generation && ready && !leaving,
    );
  }

  private startFailed(errorType: string, reason: string, errorOutput = ""): void {
    this.failures++;
    this.startFailure = reason;
    const pause = this.pauseLaunches(this.failures);
    this.events.onNote(
      "error",
      `no instance could be started (${this.failures === 1 ? "first try" : `${this.failures} tries in a row`}, the next one in ${pause / 1000} s): ${reason}` +
        (this.isServedByOld() ? "; instances of the code before go on serving" : "") +
        (errorOutput === "" ? "" : `\n${errorOutput}`),
    );
    const message = `the function cannot be started: ${reason}`;
    this.events.onStartFailed(new GatewayError(502, errorType, message, undefined, true));
  }

  private scheduleIdleCheck(idleMs: number): void {
    this.idleTimer ??= setTimeout(() => {
      this.idleTimer = undefined;
      this.scale();
    }, idleMs / 5);
  }
}
