/** Messages at once, and the time after which there may be another. */
const BURST = 10;
const REFILL_MS = 6_000;

/** Passes on what is worth a line of the log, and counts what is too much: whoever can connect or send may cause it. */
export class LimitedLog {
  private allowance = BURST;
  private since = performance.now();
  private dropped = 0;

  constructor(private readonly write: (message: string) => void) {}

  add(message: string): void {
    const refills = Math.floor((performance.now() - this.since) / REFILL_MS);
    this.allowance = Math.min(BURST, this.allowance + refills);
    this.since += refills * REFILL_MS;
    if (this.allowance === 0) {
      this.dropped++;
      return;
    }
    this.allowance--;
    this.write(this.dropped === 0 ? message : `${message} (and ${this.dropped} more since the last one)`);
    this.dropped = 0;
  }
}
