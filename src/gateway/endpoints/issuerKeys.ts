import { errors, type JWTVerifyGetKey } from "jose";

import { fetchKeySet } from "./fetchKeySet";
import { keysOf, KeysUnavailableError } from "./keySet";

/** Older keys are fetched again while they are used, so that one that the issuer has withdrawn is not taken for long. */
const FRESH_MS = 10 * 60_000;
/** Older keys are not used: an issuer that is out of reach for longer may have withdrawn them, and nobody would learn. */
const USABLE_MS = 24 * 60 * 60_000;
/** Tokens that name a key which is not in the set have it fetched again this often at most: strangers can make them up. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** After a fetch that failed there is none for this time, whatever asks for it. */
const FAILED_PAUSE_MS = 5_000;

/** The keys that an issuer publishes at an address. */
export class IssuerKeys {
  private keys: JWTVerifyGetKey | undefined;
  private fetchedAt = 0;
  /** Why the last fetch failed, and when it did. */
  private failure: { error: KeysUnavailableError; at: number } | undefined;
  private fetching: Promise<JWTVerifyGetKey> | undefined;

  /** @param onNote - Told when fetching begins to fail, and when it works again. */
  constructor(
    private readonly url: URL,
    private readonly onNote: (level: "info" | "warn", message: string) => void,
  ) {}

  /** The key of a token's signature. It waits for one fetch at most, and that has a limit of its own. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = this.usableKeys ?? (await this.refresh());
    if (this.age > FRESH_MS) this.refresh().catch(() => undefined);
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.age < UNKNOWN_KEY_PAUSE_MS) throw error;
      return (await this.refresh())(header, token);
    }
  };

  private get usableKeys(): JWTVerifyGetKey | undefined {
    return this.age < USABLE_MS ? this.keys : undefined;
  }

  private get age(): number {
    return performance.now() - this.fetchedAt;
  }

  /**
   * Requests that come while the keys are being fetched share the fetch.
   *
   * @throws KeysUnavailableError
   */
  private refresh(): Promise<JWTVerifyGetKey> {
    const { failure } = this;
    if (failure !== undefined && performance.now() - failure.at < FAILED_PAUSE_MS) return Promise.reject(failure.error);
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetch(): Promise<JWTVerifyGetKey> {
    try {
      this.keys = keysOf(await fetchKeySet(this.url));
      this.fetchedAt = performance.now();
      if (this.failure !== undefined) this.onNote("info", `session keys are fetched from ${this.place} again`);
      this.failure = undefined;
      return this.keys;
    } catch (error) {
      const { message } = error as Error;
      if (this.failure === undefined)
        this.onNote("warn", `session keys cannot be fetched from ${this.place}: ${message}; ${this.consequence}`);
      this.failure = { error: new KeysUnavailableError(message), at: performance.now() };
      throw this.failure.error;
    }
  }

  /** Without what of an address may be secret. */
  private get place(): string {
    return this.url.origin + this.url.pathname;
  }

  private get consequence(): string {
    if (this.usableKeys === undefined) return "requests with session tokens are answered with 503";
    return `those of ${Math.round(this.age / 60_000)} min ago are used, until they are a day old`;
  }
}
