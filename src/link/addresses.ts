import { isIPv6 } from "node:net";

/** An address of IPv4 in IPv6, the last 32 bits in dots or as two groups. */
const MAPPED = /^(?:::|(?:0{1,4}:){5})ffff:(?:(\d+(?:\.\d+){3})|([\da-f]{1,4}):([\da-f]{1,4}))$/i;
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

/**
 * An address as people know it: a socket of both families sees those of IPv4 as a range of IPv6 (RFC 4291, 2.5.5.2), which
 * has several ways to be written.
 */
export function plainAddress(ip: string): string {
  const [, dotted, high, low] = MAPPED.exec(ip) ?? [];
  if (high === undefined || low === undefined) return dotted ?? ip;
  const bits = (parseInt(high, 16) << 16) | parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join(".");
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
