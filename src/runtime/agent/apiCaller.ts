import { isLoopbackHost } from "../../link/addresses";

/**
 * Says why a request is not one of the bootstrap, if it is not. On a developer's machine any page in a browser can send to
 * the API, and one whose name an attacker's DNS has pointed at the machine can read what comes back; the former says that
 * it is a page, and the latter has its name in the Host header.
 *
 * @param rawHeaders - As they were sent: to make an object of them costs more than to look through the few that there are.
 * @param address - Where the API is, which is what most clients have for a Host.
 */
export function problemWithCaller(rawHeaders: readonly string[], address: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i];
    if (length !== 4 && length !== 6 && length !== 14) continue;
    const name = rawHeaders[i].toLowerCase();
    if (name === "origin" || name === "sec-fetch-site")
      return `the runtime API takes no requests of pages, and this one has the header "${name}"`;
    if (name === "host" && rawHeaders[i + 1] !== address && !isLoopbackHost(rawHeaders[i + 1]))
      return `the runtime API takes requests to ${address} only, and the Host of this one is "${rawHeaders[i + 1]}"`;
  }
  return undefined;
}
