import { errors, type JWTVerifyGetKey } from "jose";

import { fetchKeySet } from "./fetchKeySet";
import { keysOf, KeysUnavailableError } from "./keySet";

/** A key that the issuer has withdrawn is taken for so long at most. */
const FRESH_MS = 10 * 60_000;
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

  constructor(private readonly url: URL) {}

  /** The key of a token's signature. It waits for one fetch at most, and that has a limit of its own. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = this.keys === undefined || this.age > FRESH_MS ? await this.refresh() : this.keys;
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.age < UNKNOWN_KEY_PAUSE_MS) throw error;
      return (await this.refresh())(header, token);
    }
  };

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
      this.failure = undefined;
      return this.keys;
    } catch (error) {
      this.failure = { error: new KeysUnavailableError((error as Error).message), at: performance.now() };
      throw this.failure.error;
    }
  }
}
