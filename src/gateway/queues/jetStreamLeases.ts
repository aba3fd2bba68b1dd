import { randomUUID } from "node:crypto";

import { type Subscription } from "@nats-io/transport-node";
import { z } from "zod";

import { type JetStreamAccess, type JetStreamApi } from "./jetStreamAccess";
import { type JetStreamNames } from "./jetStreamNames";

const REPORT_MS = 1_000;
/** A gateway that was not heard of for this long holds nothing. */
const SILENT_MS = 3_000;

const report = z.object({ gateway: z.string().max(100), running: z.record(z.string(), z.int().min(0)) });

/**
 * How many messages of each queue are with a gateway at this moment. The server does not tell: for it, a message that
 * waits for its next delivery is as outstanding as one that is being handled. So gateways tell each other.
 */
export class JetStreamLeases {
  readonly #gateway = randomUUID();
  readonly #names: JetStreamNames;
  readonly #own = new Map<string, number>();
  /** With the time at which each was heard of, by the monotonic clock: the times of others say nothing here. */
  readonly #others = new Map<string, { at: number; running: Record<string, number> }>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  readonly #access: JetStreamAccess;
  #subscription: Subscription | undefined;
  #reported = false;

  constructor(access: JetStreamAccess, names: JetStreamNames) {
    this.#access = access;
    this.#names = names;
    this.#stopListening = access.onReady((api) => this.#listen(api));
    this.#timer = setInterval(() => this.#report(), REPORT_MS).unref();
  }

  begin(queue: string): void {
    this.#own.set(queue, (this.#own.get(queue) ?? 0) + 1);
  }

  end(queue: string): void {
    const left = (this.#own.get(queue) ?? 0) - 1;
    if (left > 0) this.#own.set(queue, left);
    else this.#own.delete(queue);
  }

  /** Messages of a queue that any gateway holds, as far as is known. */
  count(queue: string): number {
    let count = this.#own.get(queue) ?? 0;
    const heardSince = performance.now() - SILENT_MS;
    for (const [gateway, { at, running }] of this.#others)
      if (at < heardSince) this.#others.delete(gateway);
      else count += running[queue] ?? 0;
    return count;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stopListening();
    this.#subscription?.unsubscribe();
  }

  #listen({ connection }: JetStreamApi): void {
    this.#subscription?.unsubscribe();
    this.#subscription = connection.subscribe(this.#names.leaseSubject, {
      callback: (error, message) => {
        if (error === null) this.#hear(message.string());
      },
    });
  }

  #hear(text: string): void {
    const parsed = report.safeParse(parseJson(text));
    if (!parsed.success || parsed.data.gateway === this.#gateway) return;
    const { gateway, running } = parsed.data;
    this.#others.set(gateway, { at: performance.now(), running });
  }

  /** Reports what is held, and once when that is nothing any more. */
  #report(): void {
    const { api } = this.#access;
    if (api === undefined || (this.#own.size === 0 && !this.#reported)) return;
    this.#reported = this.#own.size > 0;
    const text = JSON.stringify({ gateway: this.#gateway, running: Object.fromEntries(this.#own) });
    api.connection.publish(this.#names.leaseSubject, text);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
