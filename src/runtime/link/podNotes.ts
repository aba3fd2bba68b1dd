/** The same is not said again for as long as this. */
const QUIET_MS = 60_000;
const MAX_REMEMBERED = 100;

/** What an instance has to say of its links goes to its pod's own output: there may be no gateway to tell it to. */
export class PodNotes {
  private readonly said = new Map<string, number>();

  write(message: string): void {
    const now = performance.now();
    if (now - (this.said.get(message) ?? -Infinity) < QUIET_MS) return;
    if (this.said.size >= MAX_REMEMBERED) this.said.clear();
    this.said.set(message, now);
    process.stderr.write(`fullcode: ${message}\n`);
  }
}
