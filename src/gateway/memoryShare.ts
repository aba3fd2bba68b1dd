import { totalmem } from "node:os";

/**
 * Bytes that something may take of a gateway's memory: of its container's, or where nothing limits it of the machine's,
 * which is for others as well.
 *
 * @param share - Of all of it, 0 to 1.
 * @param atMost - Bytes.
 * @param atMostUnlimited - Bytes, where nothing limits it.
 */
export function memoryShare(share: number, atMost: number, atMostUnlimited = atMost): number {
  const machine = totalmem();
  const limit = process.constrainedMemory();
  const isLimited = limit > 0 && limit < machine;
  return Math.min(Math.floor((isLimited ? limit : machine) * share), isLimited ? atMost : atMostUnlimited);
}
