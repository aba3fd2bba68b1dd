import { readFileSync } from "node:fs";
import { endianness } from "node:os";

import { type ConnectionEnds } from "../../link/linkSocket";

/** Transmissions without an acknowledgement after which a peer counts as gone. */
const DEAD_AFTER_TRIES = 3;
/** Columns of `/proc/net/tcp`, see proc(5) and the kernel's tcp_ipv4.c. */
const LOCAL = 1;
const REMOTE = 2;
const RETRANSMITS = 6;
const UNANSWERED_PROBES = 8;

/**
 * Asks the kernel which TCP connections of this network namespace have sent something again and again that their peer has
 * not acknowledged. Says so of none where it cannot be asked.
 */
export function readDeadConnections(): (ends: ConnectionEnds) => boolean {
  const dead = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"])
    for (const line of linesOf(file)) {
      const columns = line.trim().split(/\s+/);
      const tries = Math.max(parseInt(columns[RETRANSMITS], 16), parseInt(columns[UNANSWERED_PROBES], 10));
      if (tries < DEAD_AFTER_TRIES) continue;
      const [remoteAddress, remotePort] = columns[REMOTE].split(":");
      dead.add(keyOf(parseInt(columns[LOCAL].split(":")[1], 16), addressOf(remoteAddress), parseInt(remotePort, 16)));
    }
  return ({ localPort, remoteAddress, remotePort }) =>
    remoteAddress !== undefined && dead.has(keyOf(localPort, canonical(remoteAddress), remotePort));
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(1, -1);
  } catch {
    return [];
  }
}

function keyOf(localPort: number | undefined, remoteAddress: string, remotePort: number | undefined): string {
  return `${localPort} ${remoteAddress} ${remotePort}`;
}

/** The kernel's form is words of 32 bits in the processor's order. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  if (endianness() === "LE") bytes.swap32();
  if (bytes.length === 4) return bytes.join(".");
  return canonical(Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(":"));
}

/** IPv6 has many ways to write one address; a URL has only one. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname : address;
}
