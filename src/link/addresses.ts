import { isIPv6 } from "node:net";

/** `ip:port`; of the many ways to write an IPv6 address the one that URLs have, in brackets. */
export function joinAddress(ip: string, port: string | number): string {
  return isIPv6(ip) ? `${new URL(`http://[${ip}]`).hostname}:${port}` : `${ip}:${port}`;
}

/** The two parts of `host:port`, without the brackets of an IPv6 address. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

/** An address of a gateway in the one way to write it. */
export function canonicalAddress(address: string): string {
  const { host, port } = splitAddress(address);
  return joinAddress(host, port);
}
