import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { Kvm, type KV } from "@nats-io/kv";

import {
  ConnectionLostError,
  hasNoResponder,
  isMissing,
  isTemporary,
  mayHaveTakenEffect,
  reasonOf,
} from "./jetStreamErrors";
import { type JetStreamNames } from "./jetStreamNames";
import { ensureStreams, type StreamCare, type StreamSettings } from "./jetStreamStreams";
import { type NatsClient, type NatsSession } from "./natsConnection";
import { pause } from "./pause";
import { StoreUnavailableError } from "./storeErrors";

/** How long one request waits for its answer before it is sent again. */
const REQUEST_MS = 3_000;
const RETRY_MS = 200;
/** Pause before the streams are looked after again. */
const MAX_PREPARE_RETRY_MS = 10_000;
/** A server that has just started needs a moment, and servers elect a leader; what passes by then is nobody's concern. */
const REPORT_AFTER_MS = 10_000;
/** Streams that were found a moment ago are not looked for again. */
const FOUND_MS = 2_000;

/** JetStream over one session. */
export interface JetStreamApi extends NatsSession {
  js: JetStreamClient;
  jsm: JetStreamManager;
  values: KV;
}

/**
 * The way to a region's JetStream: looks after the streams, and repeats what can be repeated. Once they were there, they are
 * taken to be there when NATS comes up again: servers that are electing a leader take messages before they answer questions.
 */
export class JetStreamAccess {
  readonly #client: NatsClient;
  readonly #names: JetStreamNames;
  readonly #settings: StreamSettings;
  readonly #onProblem: (error: Error) => void;
  readonly #readyListeners = new Set<(api: JetStreamApi) => void>();
  readonly #stopListening: () => void;
  #api: JetStreamApi | undefined;
  #preparing: JetStreamApi | undefined;
  /** The streams have been found, and not missed since. */
  #isPrepared = false;
  #care: StreamCare = "apply";
  #foundAt = -Infinity;
  #problem: string | undefined;
  readonly #closing = new AbortController();
  #running = 0;
  #onIdle: (() => void) | undefined;

  constructor(client: NatsClient, names: JetStreamNames, settings: StreamSettings, onProblem: (error: Error) => void) {
    this.#client = client;
    this.#names = names;
    this.#settings = settings;
    this.#onProblem = onProblem;
    this.#stopListening = client.onUp((session) => void this.#begin(session));
    if (client.session !== undefined) void this.#begin(client.session);
  }

  /** JetStream while it can be used. */
  get api(): JetStreamApi | undefined {
    return this.#api?.ended.aborted === false ? this.#api : undefined;
  }

  /** Calls back each time JetStream can be used again; returns what ends that. */
  onReady(listener: (api: JetStreamApi) => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  /**
   * Runs an operation, again while it fails for a reason that passes. Operations must be such that a repetition does no
   * harm.
   *
   * @throws StoreUnavailableError when time is up; otherwise the operation's error.
   */
  async run<T>(timeoutMs: number, operation: (api: JetStreamApi, requestMs: number) => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await this.#repeat(timeoutMs, operation);
    } finally {
      this.#running--;
      if (this.#running === 0) this.#onIdle?.();
    }
  }

  /** Says that a stream is missing: nothing can be done until all are there again. */
  missed(api: JetStreamApi): void {
    this.#isPrepared = false;
    if (this.#api === api) this.#api = undefined;
    this.#foundAt = -Infinity;
    void this.#prepare(api);
  }

  /** Changes no stream any more: whoever stays, or comes, does. */
  leave(): void {
    this.#care = "find";
  }

  /** Resolves when the operations that are under way have ended. */
  async close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#closing.abort();
    this.#stopListening();
  }

  async #repeat<T>(timeoutMs: number, operation: (api: JetStreamApi, requestMs: number) => Promise<T>): Promise<T> {
    const end = performance.now() + timeoutMs;
    let uncertain = false;
    let reason: string | undefined;
    for (;;) {
      const left = end - performance.now();
      const api = left > 0 ? (this.api ?? (await this.#whenReady(left))) : undefined;
      if (api === undefined) throw new StoreUnavailableError(this.#unavailable(reason), uncertain);
      try {
        const requestMs = Math.max(Math.min(REQUEST_MS, end - performance.now()), 1);
        return await unlessEnded(operation(api, requestMs), api.ended);
      } catch (error) {
        if (!isTemporary(error)) throw error;
        uncertain ||= mayHaveTakenEffect(error);
        reason = reasonOf(error);
        if (isMissing(error)) this.missed(api);
        else if (hasNoResponder(error)) void this.#prepare(api);
      }
      await pause(Math.min(RETRY_MS, Math.max(end - performance.now(), 0)));
    }
  }

  #unavailable(reason: string | undefined): string {
    if (this.#client.session === undefined) return this.#client.downReason;
    return `${this.#client.where}: ${this.#problem ?? reason ?? "the streams are not ready"}`;
  }

  #whenReady(timeoutMs: number): Promise<JetStreamApi | undefined> {
    return new Promise((resolve) => {
      const end = (api?: JetStreamApi) => {
        clearTimeout(timer);
        stopListening();
        resolve(api);
      };
      const stopListening = this.onReady(end);
      const timer = setTimeout(end, timeoutMs);
    });
  }

  async #begin(session: NatsSession): Promise<void> {
    const { connection, ended } = session;
    const js = jetstream(connection, { timeout: REQUEST_MS });
    const jsm = await jetstreamManager(connection, { timeout: REQUEST_MS, checkAPI: false });
    const values = await new Kvm(js).open(this.#names.bucket, { allow_direct: false });
    const api = { connection, ended, js, jsm, values };
    if (this.#isPrepared) this.#ready(api);
    this.#foundAt = -Infinity;
    await this.#prepare(api);
  }

  /** Looks after the streams until they are there, or the session is over. */
  async #prepare(api: JetStreamApi): Promise<void> {
    if (this.#preparing === api || performance.now() - this.#foundAt < FOUND_MS) return;
    this.#preparing = api;
    const start = performance.now();
    for (let retryMs = RETRY_MS; ; retryMs = Math.min(retryMs * 2, MAX_PREPARE_RETRY_MS)) {
      try {
        await unlessEnded(ensureStreams(api.js, api.jsm, this.#names, this.#settings, this.#care), api.ended);
        if (this.#preparing !== api) return;
        this.#found(api);
        return;
      } catch (error) {
        if (api.ended.aborted || this.#closing.signal.aborted || this.#preparing !== api) return;
        if (!isTemporary(error) || performance.now() - start > REPORT_AFTER_MS) this.#report(error);
      }
      await pause(retryMs, this.#closing.signal);
    }
  }

  #found(api: JetStreamApi): void {
    this.#preparing = undefined;
    this.#foundAt = performance.now();
    this.#problem = undefined;
    this.#isPrepared = true;
    if (this.#care === "apply") this.#care = "keep";
    if (this.#api !== api) this.#ready(api);
  }

  #ready(api: JetStreamApi): void {
    if (api.ended.aborted || this.#closing.signal.aborted) return;
    this.#api = api;
    for (const listener of [...this.#readyListeners]) listener(api);
  }

  /** Reports each problem once, until the streams have been ready in between. */
  #report(error: unknown): void {
    const problem = `the streams of ${this.#names.stream} could not be prepared: ${reasonOf(error)}`;
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#onProblem(new Error(`${this.#client.where}: ${problem}`, { cause: error }));
  }
}

/** Rejects when the session ends: requests of the library would wait for their own time to be up. */
function unlessEnded<T>(operation: Promise<T>, ended: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const lost = () => reject(new ConnectionLostError());
    if (ended.aborted) lost();
    ended.addEventListener("abort", lost);
    operation.then(resolve, reject).finally(() => ended.removeEventListener("abort", lost));
  });
}
