import { type IncomingMessage } from "node:http";
import { isIP } from "node:net";

import { plainAddress } from "../../link/addresses";

/** What an entry of X-Forwarded-For may have around an address: some proxies add the port that they were called from. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/;

/**
 * The address that a request came from: the connection's, or what the outermost trusted proxy saw.
 *
 * Each proxy appends the address that it was called from to X-Forwarded-For. What stands before the trusted ones' entries
 * was sent by the caller, who may write anything there.
 *
 * @param trustedProxies - How many proxies stand in front.
 */
export function callerAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  const { remoteAddress } = request.socket;
  const direct = remoteAddress && plainAddress(remoteAddress);
  if (trustedProxies === 0) return direct;
  const header = request.headers["x-forwarded-for"];
  const entries = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",").map((entry) => entry.trim());
  const entry = entries.at(-trustedProxies) ?? "";
  const [, ipv6, ipv4] = WITH_PORT.exec(entry) ?? [];
  const seen = ipv6 ?? ipv4 ?? entry;
  return isIP(seen) === 0 ? direct : plainAddress(seen);
}
