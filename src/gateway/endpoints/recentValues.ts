/**
 * Values by key, of which those are forgotten that nobody has asked for lately.
 *
 * Two generations instead of an order of use: when the young one is full it becomes the old one, whose values are
 * forgotten unless they are asked for. Keys that a stranger makes up can so not push out those that are in use.
 */
export class RecentValues<Value> {
  private young = new Map<string, Value>();
  private old = new Map<string, Value>();

  /** @param generation - How many values a generation has; twice as many are kept at most. */
  constructor(private readonly generation: number) {}

  get(key: string): Value | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const aged = this.old.get(key);
    if (aged !== undefined) this.set(key, aged);
    return aged;
  }

  set(key: string, value: Value): void {
    if (this.young.size >= this.generation) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  delete(key: string): void {
    this.young.delete(key);
    this.old.delete(key);
  }
}
