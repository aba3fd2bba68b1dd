import { type IncomingMessage } from "node:http";

import { refuseCrossSite } from "../../gateway/endpoints/crossSite";
import { GatewayError } from "../../gateway/invocations/gatewayError";

const LOOPBACK_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Lets through what this machine's own programs and pages send. A page of another site could run the function with a
 * session of its choice; one whose name an attacker's DNS has pointed at this machine could read the answer as well, and
 * passes for the same site, but its own name is in the Host header.
 *
 * @throws GatewayError 403
 */
export function refuseForeign(request: IncomingMessage): void {
  refuseCrossSite(request, "invocations");
  const { host = "", origin } = request.headers;
  if (!isLoopback(`http://${host}`))
    throw new GatewayError(403, "ForeignHost", `only requests to localhost are taken, and this one is to "${host}"`);
  // browsers that do not tell sites apart say at least where a page is from
  if (origin !== undefined && !isLoopback(origin))
    throw new GatewayError(403, "CrossSite", `invocations are not taken from pages of ${origin}`);
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK_NAMES.has(new URL(url).hostname);
}
