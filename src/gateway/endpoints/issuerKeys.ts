import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

import { fetchKeySet } from "./fetchKeySet";

/** A key that the issuer has withdrawn is taken for so long at most. */
const FRESH_MS = 10 * 60_000;
/** Tokens that name a key which is not in the set have it fetched again this often at most: strangers can make them up. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;

/** The keys that an issuer publishes at an address. */
export class IssuerKeys {
  private keys: JWTVerifyGetKey | undefined;
  private fetchedAt = 0;
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

  /** Requests that come while the keys are being fetched share the fetch. */
  private refresh(): Promise<JWTVerifyGetKey> {
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetch(): Promise<JWTVerifyGetKey> {
    this.keys = createLocalJWKSet((await fetchKeySet(this.url)) as JSONWebKeySet);
    this.fetchedAt = performance.now();
    return this.keys;
  }
}
