import { setMaxListeners } from "node:events";

import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";

import { type NatsCredentials } from "../../spec/cluster";
import { natsServers } from "../../spec/natsServers";
import { pause } from "./pause";

/** Pause before a server is dialled again, with as much again at random, so that gateways do not come all at once. */
const RECONNECT_MS = 500;
const CONNECT_TIMEOUT_MS = 5_000;
/** A server that vanished without a word is noticed after three of these. */
const PING_INTERVAL_MS = 5_000;

export interface NatsConnectionOptions {
  /** `nats://host:port` or `tls://host:port`, several separated by commas. */
  url: string;
  credentials: NatsCredentials;
  /** How the connection is called in the server's lists, e.g. the pod's name. */
  name: string;
  /** Called when the connection goes down or comes up, and once for each new reason for which it stays down. */
  onStatus?: (status: NatsStatus) => void;
}

export interface NatsStatus {
  up: boolean;
  /** Since when, in milliseconds since the epoch. */
  since: number;
  /** For a log: where, what, why and since when; no credentials. */
  message: string;
}

/** The time from one connect to the next disconnect. */
export interface NatsSession {
  readonly connection: NatsConnection;
  /** Aborted when the connection goes down. What was asked and not answered until then has to be asked again. */
  readonly ended: AbortSignal;
}

/**
 * Connects to NATS, and again for ever. Returns at once: a gateway serves endpoints while NATS is down.
 *
 * @throws Error for a URL or credentials that can never work.
 */
export function connectNats(options: NatsConnectionOptions): NatsClient {
  return new NatsClient(options);
}

/** A connection to NATS that comes and goes. */
export class NatsClient {
  /** The servers, without credentials. */
  readonly where: string;
  readonly #options: NodeConnectionOptions;
  readonly #onStatus: (status: NatsStatus) => void;
  readonly #upListeners = new Set<(session: NatsSession) => void>();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #connection: NatsConnection | undefined;
  #session: NatsSession | undefined;
  #endSession: AbortController | undefined;
  #downSince = Date.now();
  /** The same by the monotonic clock: how long it was is not told by one that may be set. */
  #downAt = performance.now();
  #reason: string | undefined;
  #wasUp = false;

  constructor({ url, credentials, name, onStatus }: NatsConnectionOptions) {
    const { servers, user, password, tls } = natsServers(url);
    this.where = `NATS at ${servers.join(", ")}`;
    this.#onStatus = onStatus ?? (() => undefined);
    this.#options = {
      servers,
      name,
      ...authentication(credentials, user, password),
      ...(tls || credentials.ca !== undefined
        ? { tls: credentials.ca === undefined ? {} : { ca: credentials.ca } }
        : {}),
      timeout: CONNECT_TIMEOUT_MS,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: reconnectDelay,
      // a password may be wrong for a while when it is changed
      ignoreAuthErrorAbort: true,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      noAsyncTraces: true,
    };
    setMaxListeners(0, this.#closing.signal);
    this.#running = this.#run();
  }

  /** The connection while it is up. */
  get session(): NatsSession | undefined {
    return this.#session;
  }

  /** Why there is no connection, for people. */
  get downReason(): string {
    const since = new Date(this.#downSince).toISOString();
    return `${this.where} cannot be reached since ${since}: ${this.#reason ?? "connecting"}`;
  }

  /** Calls back each time the connection comes up; returns what ends that. */
  onUp(listener: (session: NatsSession) => void): () => void {
    this.#upListeners.add(listener);
    return () => this.#upListeners.delete(listener);
  }

  /** Ends the connection; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#connection?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        // the library's own wait for a first connection could not be ended by `close`
        this.#connection = await connect({ ...this.#options });
        if (signal.aborted) await this.#connection.close();
        else await this.#follow(this.#connection);
      } catch (error) {
        this.#down(messageOf(error));
      }
      if (!signal.aborted) await pause(reconnectDelay(), signal);
    }
    this.#endSession?.abort();
    this.#session = undefined;
  }

  /** Resolves when the connection was closed: by us, or by the library for good. */
  async #follow(connection: NatsConnection): Promise<void> {
    const statuses = connection.status();
    this.#up(connection);
    let error: string | undefined;
    for await (const status of statuses) {
      if (status.type === "error") {
        error = status.error.message;
        if (this.#session === undefined) this.#down(error);
      } else if (status.type === "staleConnection") error = "the server does not answer";
      else if (status.type === "disconnect") this.#down(error ?? "the connection was lost");
      else if (status.type === "reconnect") {
        error = undefined;
        this.#up(connection);
      }
    }
    const reason = await connection.closed();
    this.#down(reason instanceof Error ? reason.message : "the connection was closed");
  }

  #up(connection: NatsConnection): void {
    this.#endSession?.abort();
    this.#endSession = new AbortController();
    setMaxListeners(0, this.#endSession.signal);
    const session = { connection, ended: this.#endSession.signal };
    this.#session = session;
    this.#reason = undefined;
    const seconds = Math.round((performance.now() - this.#downAt) / 1_000);
    const message = this.#wasUp ? `${this.where} is up again after ${seconds} s` : `${this.where} is connected`;
    this.#wasUp = true;
    this.#onStatus({ up: true, since: Date.now(), message });
    for (const listener of [...this.#upListeners]) listener(session);
  }

  #down(reason: string): void {
    if (this.#closing.signal.aborted) return;
    const wasUp = this.#session !== undefined;
    if (wasUp) {
      this.#downSince = Date.now();
      this.#downAt = performance.now();
    }
    this.#session = undefined;
    this.#endSession?.abort();
    if (!wasUp && reason === this.#reason) return;
    this.#reason = reason;
    this.#onStatus({ up: false, since: this.#downSince, message: this.downReason });
  }
}

function authentication(
  { user, password, token, creds }: NatsCredentials,
  urlUser: string | undefined,
  urlPassword: string | undefined,
): Pick<NodeConnectionOptions, "user" | "pass" | "token" | "authenticator"> {
  const given = [user ?? password, token, creds].filter((way) => way !== undefined).length;
  if (given > 1)
    throw new Error("NATS credentials: give a user and a password, a token, or creds; not several of them");
  if (password !== undefined && user === undefined) throw new Error("NATS credentials: the password is without a user");
  if (token !== undefined) return { token };
  if (creds !== undefined) {
    const authenticator = credsAuthenticator(new TextEncoder().encode(creds));
    try {
      authenticator("nonce");
    } catch (error) {
      throw new Error(`NATS credentials: creds is not the text of a credentials file (${messageOf(error)})`);
    }
    return { authenticator };
  }
  if (user !== undefined) return { user, pass: password };
  return urlUser === undefined ? {} : { user: urlUser, pass: urlPassword };
}

function reconnectDelay(): number {
  return RECONNECT_MS * (1 + Math.random());
}

function messageOf(error: unknown): string {
  // Node gives a refused connection of a name with several addresses no message of its own
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}
