/** One answer for everybody who asks at about the same time. Failures are shared too. */
export class SharedAnswer<T> {
  private answer: Promise<T> | undefined;
  private pending = false;
  /** Time of the last question to the source. */
  private askedAt = -Infinity;
  /** Time of the last question to this. */
  usedAt = -Infinity;

  /** @param maxAgeMs - How old an answer may be. */
  constructor(
    private readonly ask: () => Promise<T>,
    private readonly maxAgeMs: number,
  ) {}

  get(): Promise<T> {
    const now = performance.now();
    this.usedAt = now;
    if (this.answer !== undefined && (this.pending || now - this.askedAt < this.maxAgeMs)) return this.answer;
    this.askedAt = now;
    this.pending = true;
    this.answer = this.ask().finally(() => {
      this.pending = false;
    });
    return this.answer;
  }
}
