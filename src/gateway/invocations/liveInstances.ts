import { type InstanceLink } from "../instances/instanceLink";

/** With more instances than this, the less loaded of two random ones is taken instead of the least loaded of all. */
const FULL_SCAN = 8;
/**
 * As long as an instance will have handled what runs on it within this time, it gets the next invocation too: work that
 * keeps to few processes meets warm caches and shares system calls. Beyond it, the least loaded instance is next.
 */
const PACKED_MS = 2;

/** Instances that take work, and which of them is next. */
export class LiveInstances {
  private readonly links: InstanceLink[] = [];
  /** The instance that got work last. */
  private preferred: InstanceLink | undefined;

  get all(): readonly InstanceLink[] {
    return this.links;
  }

  get freeCredits(): number {
    let credits = 0;
    for (const link of this.links) credits += link.credits;
    return credits;
  }

  add(link: InstanceLink): void {
    this.links.push(link);
  }

  remove(link: InstanceLink): void {
    const index = this.links.indexOf(link);
    if (index !== -1) this.links.splice(index, 1);
    if (this.preferred === link) this.preferred = undefined;
  }

  /** @returns undefined when none has room. */
  next(): InstanceLink | undefined {
    const { preferred } = this;
    if (preferred !== undefined && preferred.credits > 0 && preferred.runningCount * preferred.paceMs < PACKED_MS)
      return preferred;
    this.preferred = this.byLoad();
    return this.preferred;
  }

  private byLoad(): InstanceLink | undefined {
    const { links } = this;
    if (links.length <= FULL_SCAN) return leastLoaded(links);
    const first = links[Math.floor(Math.random() * links.length)];
    const second = links[Math.floor(Math.random() * links.length)];
    return leastLoaded([first, second]) ?? leastLoaded(links);
  }
}

function leastLoaded(links: readonly InstanceLink[]): InstanceLink | undefined {
  let best: InstanceLink | undefined;
  for (const link of links)
    if (link.credits > 0 && (best === undefined || link.runningCount < best.runningCount)) best = link;
  return best;
}
