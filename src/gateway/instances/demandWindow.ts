const SLOTS = 10;

/** Highest demand seen within the idle time, so that a short pause does not cost instances that are needed again. */
export class DemandWindow {
  private readonly peaks = new Array<number>(SLOTS).fill(0);
  private slot = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @returns the highest demand of the last `windowMs`, the given one included. */
  record(demand: number, windowMs: number): number {
    const slot = Math.floor(this.now() / (windowMs / SLOTS));
    const passed = Math.min(slot - this.slot, SLOTS);
    for (let i = 1; i <= passed; i++) this.peaks[(this.slot + i) % SLOTS] = 0;
    if (passed > 0) this.slot = slot;
    this.peaks[slot % SLOTS] = Math.max(this.peaks[slot % SLOTS], demand);
    return Math.max(...this.peaks);
  }
}
