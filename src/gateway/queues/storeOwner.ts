import { currentProcess, isRunning, type ProcessIdentity } from "./processIdentity";
import { StoreInUseError } from "./storeErrors";
import type { Tables } from "./tables";

const KEY = "owner";

/** Folders that this process has open, by their real paths. */
const opened = new Set<string>();

/**
 * Makes this process the store's only user until {@link releaseOwnership}. The owner is recorded in the store itself:
 * LMDB's write lock works across processes, so two of them can't take over from a dead one at the same time.
 *
 * @throws StoreInUseError while a live process owns the store.
 */
export function takeOwnership(tables: Tables, folder: string): void {
  const owner = tables.root.transactionSync(() => {
    const recorded = tables.meta.get(KEY) as ProcessIdentity | undefined;
    if (recorded !== undefined && recorded.pid !== process.pid && isRunning(recorded)) return recorded;
    tables.meta.putSync(KEY, currentProcess());
    return undefined;
  });
  if (owner !== undefined) throw new StoreInUseError(folder, owner.pid);
}

export function releaseOwnership(tables: Tables): void {
  try {
    tables.meta.removeSync(KEY);
  } catch {
    // A full disk must not keep a gateway from stopping; the record of a dead process does no harm.
  }
}

/** @throws StoreInUseError when this process has the folder open already. */
export function reserveFolder(folder: string): void {
  if (opened.has(folder)) throw new StoreInUseError(folder, process.pid);
  opened.add(folder);
}

export function freeFolder(folder: string): void {
  opened.delete(folder);
}
