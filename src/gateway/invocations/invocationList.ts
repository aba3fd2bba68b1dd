import { type Invocation } from "./invocation";

/** First in, first out, with removal from anywhere at the same cost: a caller that leaves is the common case at load. */
export class InvocationList {
  private head: Invocation | undefined;
  private tail: Invocation | undefined;
  private count = 0;

  get size(): number {
    return this.count;
  }

  get last(): Invocation | undefined {
    return this.tail;
  }

  get first(): Invocation | undefined {
    return this.head;
  }

  has(invocation: Invocation): boolean {
    return invocation.list === this;
  }

  push(invocation: Invocation): void {
    invocation.list = this;
    invocation.previous = this.tail;
    if (this.tail === undefined) this.head = invocation;
    else this.tail.next = invocation;
    this.tail = invocation;
    this.count++;
  }

  /** Puts back what was taken out before and could not be used. */
  unshift(invocation: Invocation): void {
    invocation.list = this;
    invocation.next = this.head;
    if (this.head === undefined) this.tail = invocation;
    else this.head.previous = invocation;
    this.head = invocation;
    this.count++;
  }

  shift(): Invocation | undefined {
    const invocation = this.head;
    if (invocation !== undefined) this.remove(invocation);
    return invocation;
  }

  remove(invocation: Invocation): void {
    const { previous, next } = invocation;
    if (previous === undefined) this.head = next;
    else previous.next = next;
    if (next === undefined) this.tail = previous;
    else next.previous = previous;
    invocation.previous = undefined;
    invocation.next = undefined;
    invocation.list = undefined;
    this.count--;
  }
}
