import { type IncomingMessage } from "node:http";

import { GatewayError } from "../invocations/gatewayError";

/**
 * Refuses what a page of another site, open in a browser on this machine, has sent.
 *
 * @param what - What is not taken from there, in the plural.
 * @throws GatewayError 403
 */
export function refuseCrossSite({ headers }: IncomingMessage, what: string): void {
  if (headers["sec-fetch-site"] === "cross-site")
    throw new GatewayError(403, "CrossSite", `${what} are not taken from pages of other sites`);
}
