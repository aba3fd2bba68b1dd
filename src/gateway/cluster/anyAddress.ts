import { networkInterfaces } from "node:os";

/**
 * Where to listen to be reached at each address that this machine has: `::` takes connections to IPv4 addresses as well, and
 * there is none where the kernel knows no IPv6.
 */
export function anyAddress(interfaces = networkInterfaces()): "::" | "0.0.0.0" {
  const hasIPv6 = Object.values(interfaces).some((addresses) => addresses?.some(({ family }) => family === "IPv6"));
  return hasIPv6 ? "::" : "0.0.0.0";
}
