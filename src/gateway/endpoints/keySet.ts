import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Nothing can be said about a token: the keys to verify it with cannot be had, or not be used. */
export class KeysUnavailableError extends Error {}

/**
 * The keys of a key set (RFC 7517). That it has none for a token is the token's fault, anything else its own.
 *
 * @throws KeysUnavailableError for what is no key set.
 */
export function keysOf(keySet: unknown): JWTVerifyGetKey {
  const keys = localKeys(keySet);
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new KeysUnavailableError(`a key cannot be used: ${(error as Error).message}`);
    }
  };
}

function localKeys(keySet: unknown): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(keySet as JSONWebKeySet);
  } catch {
    throw new KeysUnavailableError("what was given is no key set");
  }
}
