import { type IncomingMessage } from "node:http";

import { refuseCrossSite } from "../../gateway/endpoints/crossSite";
import { GatewayError } from "../../gateway/invocations/gatewayError";
import { isLoopbackHost } from "../../link/addresses";

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
  if (!isLoopbackHost(host))
    throw new GatewayError(403, "ForeignHost", `only requests to localhost are taken, and this one is to "${host}"`);
  // browsers that do not tell sites apart say at least where a page is from
  if (origin !== undefined && !isLocalPage(origin))
    throw new GatewayError(403, "CrossSite", `invocations are not taken from pages of ${origin}`);
}

function isLocalPage(origin: string): boolean {
  return URL.canParse(origin) && isLoopbackHost(new URL(origin).host);
}
