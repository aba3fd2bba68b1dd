import type { CronDocument } from "../../spec";
import type { MessageStore } from "../queues/messageStore";
import type { Clock } from "./clock";
import { cronQueueName } from "./cronQueueName";
import { type FiringRecord, readFiringRecord, writeFiringRecord } from "./firingRecord";
import { FiringTimes } from "./firingTimes";
import { dueFirings, type DueFirings } from "./missedFirings";

/** The time is looked at this often, so that a clock that jumps and a machine that slept are noticed. */
const LONGEST_WAIT_MS = 60_000;
const RETRY_MS = 5_000;
/** A record this far ahead of the clock was written while the clock was wrong. */
const MAX_AHEAD_MS = 3_600_000;

export interface ScheduledCronOptions {
  store: MessageStore;
  clock: Clock;
  onFire: (cron: string, scheduledTime: Date) => void;
  onLog: (level: "info" | "warn" | "error", message: string) => void;
}

/** One cron with its timer. Each firing becomes a message of the cron's queue. */
export class ScheduledCron {
  readonly #options: ScheduledCronOptions;
  readonly #firings: FiringTimes;
  #document: CronDocument;
  #upTo: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(document: CronDocument, options: ScheduledCronOptions) {
    this.#document = document;
    this.#options = options;
    this.#firings = new FiringTimes(document.schedule, document.timezone);
  }

  get document(): CronDocument {
    return this.#document;
  }

  /** Applies a document of the same schedule. */
  set document(document: CronDocument) {
    this.#document = document;
  }

  /** The next firing, in milliseconds since the epoch. */
  nextFiring(): number | undefined {
    return this.#firings.next(Math.max(this.#upTo ?? 0, this.#options.clock.now()));
  }

  /** Catches up with what was missed, then waits for the next firing. Never rejects. */
  start(): Promise<void> {
    this.#running = this.#run();
    return this.#running;
  }

  /** Resolves when no firing is being published. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    let wait: number;
    try {
      wait = await this.#fireWhatIsDue();
    } catch (error) {
      this.#log("error", `could not record a firing and tries again in ${RETRY_MS / 1_000} s: ${messageOf(error)}`);
      wait = RETRY_MS;
    }
    if (!this.#stopped) this.#cancelTimer = this.#options.clock.setTimeout(() => void this.start(), wait);
  }

  /** Returns the milliseconds to wait before the next look at the time. */
  async #fireWhatIsDue(): Promise<number> {
    const { store, clock } = this.#options;
    const now = clock.now();
    if (this.#upTo !== undefined && this.#upTo <= now && !this.#isDue(this.#upTo, now)) return this.#wait(this.#upTo);
    // Read again for each firing: another gateway may have fired since.
    const record = await readFiringRecord(store, this.#document);
    const known = this.#known(record, now);
    const due: DueFirings =
      known === undefined
        ? { times: [], missed: 0, more: false }
        : dueFirings(this.#firings, known, now, this.#document.missed);
    if (due.missed > 0) this.#logMissed(due);
    // Published first: a crash in between publishes again, and the deduplication id drops the second one.
    await Promise.all(due.times.map((time) => this.#publish(time)));
    const upTo = Math.max(known ?? now, due.missed > 0 ? now : (due.times.at(-1) ?? 0));
    if (upTo !== record.upTo && !(await writeFiringRecord(store, this.#document, record, upTo))) return 0;
    this.#upTo = upTo;
    return this.#wait(upTo);
  }

  #isDue(upTo: number, now: number): boolean {
    const next = this.#firings.next(upTo);
    return next !== undefined && next <= now;
  }

  /** How far this cron has come; `undefined` for a new one, which fires nothing retroactively. */
  #known(record: FiringRecord, now: number): number | undefined {
    const known = record.upTo ?? this.#upTo;
    if (known === undefined || known <= now + MAX_AHEAD_MS) return known;
    this.#log("warn", `fired last at ${new Date(known).toISOString()}, later than now: the clock was corrected`);
    return undefined;
  }

  #wait(upTo: number): number {
    const now = this.#options.clock.now();
    const next = this.#firings.next(upTo);
    return next === undefined ? LONGEST_WAIT_MS : Math.min(Math.max(next - now, 1), LONGEST_WAIT_MS);
  }

  async #publish(time: number): Promise<void> {
    const { store, onFire } = this.#options;
    const { name } = this.#document;
    const scheduledTime = new Date(time);
    const iso = scheduledTime.toISOString();
    const { duplicate } = await store.publish(
      cronQueueName(name),
      { body: Buffer.from(JSON.stringify({ scheduledTime: iso })), contentType: "application/json" },
      { deduplicationId: `${name}@${iso}` },
    );
    if (!duplicate) onFire(name, scheduledTime);
  }

  #logMissed({ times, missed, more }: DueFirings): void {
    const { missed: policy } = this.#document;
    const count = `${more ? "more than " : ""}${missed} firing${missed === 1 && !more ? "" : "s"}`;
    this.#log("warn", `missed ${count} while no gateway ran; fires ${times.length} now (missed: "${policy}")`);
  }

  #log(level: "info" | "warn" | "error", message: string): void {
    this.#options.onLog(level, `cron "${this.#document.name}": ${message}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
