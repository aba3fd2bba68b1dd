import { createHash, createHmac, timingSafeEqual } from "node:crypto";

import { type LinkRoots } from "../../spec";

/** gRPC metadata with the {@link peerTokens} of the replica that calls, separated by commas. */
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

/** Whether one of the given tokens is accepted. Takes the same time however near they are. */
export function isPeer(given: readonly string[], accepted: readonly string[]): boolean {
  let found = false;
  for (const token of given) for (const each of accepted) found = timingSafeEqual(sha256(token), sha256(each)) || found;
  return found;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
