import { isIPv6 } from "node:net";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** `ip:port`; of the many ways to write an IPv6 address the one that URLs have, in brackets. */
export function joinAddress(ip: string, port: string | number): string {
  return isIPv6(ip) ? `${new URL(`http://[${ip}]`).hostname}:${port}` : `${ip}:${port}`;
}

/** The two parts of `host:port`, without the brackets of an IPv6 address. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

/** Whether a `host:port`, or a host alone, as URLs and the Host header have it, is a name of this machine for itself. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host);
}

/** An address of a gateway in the one way to write it. */
export function canonicalAddress(address: string): string {
  const { host, port } = splitAddress(address);
  return joinAddress(host, port);
}
