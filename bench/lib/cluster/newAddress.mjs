import { existsSync, watch } from "node:fs";
import { join } from "node:path";

const LIMIT_MS = 60_000;

/**
 * Waits for the next address that a pod of a node gets. The network plugin writes it down as it makes the pod's network:
 * the API server hears of it up to a second later, when the pod may have been answering for long.
 *
 * @param folder - Where the plugin `host-local` keeps addresses.
 * @returns `{ address, stop }`: a promise of the address, and what ends the wait.
 */
export function newAddress(folder) {
  let stop;
  const address = new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`no pod has got an address in ${LIMIT_MS / 1000} s`));
    }, LIMIT_MS);
    const watcher = watch(folder, (_event, file) => {
      // addresses that are given back are told too
      if (!/^\d+\.\d+\.\d+\.\d+$/.test(file) || !existsSync(join(folder, file))) return;
      stop();
      resolve(file);
    });
    stop = () => {
      clearTimeout(timer);
      watcher.close();
    };
  });
  return { address, stop };
}
