import { type IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * The address that a request came from: the connection's, or what the outermost trusted proxy saw.
 *
 * Each proxy appends the address that it was called from to X-Forwarded-For. What stands before the trusted ones' entries
 * was sent by the caller, who may write anything there.
 *
 * @param trustedProxies - How many proxies stand in front.
 */
export function callerAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  // a server of IPv6 sees addresses of IPv4 as a range of its own (RFC 4291, 2.5.5.2)
  const direct = request.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, "");
  if (trustedProxies === 0) return direct;
  const header = request.headers["x-forwarded-for"];
  const entries = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",").map((entry) => entry.trim());
  const seen = entries.at(-trustedProxies) ?? "";
  return isIP(seen) === 0 ? direct : seen;
}
