import type { CronDocument } from "../../spec";
import type { MessageStore } from "../queues/messageStore";
import { Serial } from "../queues/serial";
import { systemClock, type Clock } from "./clock";
import { forgetFirings } from "./firingRecord";
import { ScheduledCron, type ScheduledCronOptions } from "./scheduledCron";

export interface CronSchedulerOptions {
  /** Takes the firings, each as a message of the queue that `cronQueueName` names, and keeps the last one. */
  store: MessageStore;
  /** Called when a firing is in its queue; not for one that another gateway published. */
  onFire?: (cron: string, scheduledTime: Date) => void;
  /** Receives what people should know: firings that were missed, a store that can't be written. */
  onLog?: (level: "info" | "warn" | "error", message: string) => void;
  /**
   * Where the time comes from.
   * @default systemClock
   */
  clock?: Clock;
}

/** Turns schedules into messages. Any number of gateways may run the same crons on one store: each firing comes once. */
export class CronScheduler {
  readonly #options: ScheduledCronOptions;
  readonly #crons = new Map<string, ScheduledCron>();
  readonly #updates = new Serial();

  constructor({ store, onFire, onLog, clock }: CronSchedulerOptions) {
    this.#options = {
      store,
      clock: clock ?? systemClock,
      onFire: onFire ?? (() => undefined),
      onLog: onLog ?? (() => undefined),
    };
  }

  /**
   * Makes these the crons that run: unchanged ones go on, others are stopped or started. Resolves when those that start
   * have caught up with what they missed.
   */
  update(documents: CronDocument[]): Promise<void> {
    return this.#updates.run(async () => {
      const wanted = new Map(documents.map((document) => [document.name, document]));
      const removed = [...this.#crons.values()].filter(({ document }) => !wanted.has(document.name));
      await Promise.all(removed.map((cron) => this.#remove(cron)));
      await Promise.all(documents.map((document) => this.#apply(document)));
    });
  }

  /** The next firing of each cron by name, as ISO 8601 in UTC; `null` for one that will not fire again. */
  nextFirings(): Map<string, string | null> {
    return new Map(
      Array.from(this.#crons, ([name, cron]) => {
        const next = cron.nextFiring();
        return [name, next === undefined ? null : new Date(next).toISOString()];
      }),
    );
  }

  /** Stops all timers and resolves when the firings under way are in their queues. The next start goes on from there. */
  stop(): Promise<void> {
    return this.#updates.run(async () => {
      const crons = [...this.#crons.values()];
      this.#crons.clear();
      await Promise.all(crons.map((cron) => cron.stop()));
    });
  }

  async #apply(document: CronDocument): Promise<void> {
    const running = this.#crons.get(document.name);
    if (running?.document.schedule === document.schedule && running.document.timezone === document.timezone) {
      running.document = document;
      return;
    }
    await running?.stop();
    const cron = new ScheduledCron(document, this.#options);
    this.#crons.set(document.name, cron);
    await cron.start();
  }

  async #remove(cron: ScheduledCron): Promise<void> {
    const { document } = cron;
    this.#crons.delete(document.name);
    await cron.stop();
    await forgetFirings(this.#options.store, document).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onLog("warn", `cron "${document.name}": could not be forgotten: ${reason}`);
    });
  }
}
