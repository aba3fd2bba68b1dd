const SLOTS = 10;

/** Highest demand seen within the idle time, so that a short pause does not cost instances that are needed again. */
export class DemandWindow {
  private readonly peaks = new Array<number>(SLOTS).fill(0);
  private windowMs = 0;
  /** Number of the slot that is current; slots are numbered by the time and their length. */
  private slot = 0;

  /** @returns the highest demand of the last `windowMs`, the given one included. */
  record(demand: number, windowMs: number): number {
    const slot = Math.floor(performance.now() / (windowMs / SLOTS));
    if (windowMs !== this.windowMs) this.restart(slot, windowMs);
    const passed = Math.min(slot - this.slot, SLOTS);
    for (let i = 1; i <= passed; i++) this.peaks[(this.slot + i) % SLOTS] = 0;
    this.slot = slot;
    this.peaks[slot % SLOTS] = Math.max(this.peaks[slot % SLOTS], demand);
    return Math.max(...this.peaks);
  }

  /** Numbers of slots of another length say nothing about when theirs were; the highest peak counts as one of now. */
  private restart(slot: number, windowMs: number): void {
    const peak = Math.max(...this.peaks);
    this.peaks.fill(0);
    this.peaks[slot % SLOTS] = peak;
    this.slot = slot;
    this.windowMs = windowMs;
  }
}
