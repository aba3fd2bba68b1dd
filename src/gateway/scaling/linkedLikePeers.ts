import { type LocalLoads } from "./functionLoad";
import { type Peers } from "./peers";

/**
 * Tells whether every instance that another replica has a link to is linked here too, so that a new replica holds nothing
 * that others could have handed over at once.
 *
 * A replica that cannot be asked may have any instances, so the answer is no then: whoever waits for a yes must stop
 * waiting after a while.
 */
export async function linkedLikePeers(local: LocalLoads, peers: Peers): Promise<boolean> {
  try {
    for (const peer of await peers.loads())
      for (const { name, instances } of peer.values()) {
        const here = new Set(local.load(name)?.instances);
        if (!instances.every((instance) => here.has(instance))) return false;
      }
    return true;
  } catch {
    return false;
  }
}
