import { createHash, createHmac, timingSafeEqual } from "node:crypto";

import { type LinkRoots } from "../../spec";

/** gRPC metadata with the {@link peerTokens} of the replica that calls. */
export const PEER_TOKEN_KEY = "fullcode-peer-token";

/**
 * What the replicas of a gateway show to each other, the current one first. Made from the roots of the links, but in a
 * way that gives no function's token, whatever a function is called.
 */
export function peerTokens({ current, previous }: LinkRoots): string[] {
  return [current, ...(previous === undefined ? [] : [previous])].map(({ secret }) =>
    createHmac("sha256", Buffer.from(secret, "base64")).update("fullcode-gateway-peer").digest("base64url"),
  );
}

/** Takes the same time whatever is given. */
export function isPeerToken(given: string, accepted: readonly string[]): boolean {
  const digest = sha256(given);
  return accepted.reduce((found, token) => timingSafeEqual(digest, sha256(token)) || found, false);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
