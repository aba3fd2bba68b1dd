import { type FunctionDocument } from "../../spec";
import { GatewayError } from "./gatewayError";
import { type Invocation } from "./invocation";
import { InvocationList } from "./invocationList";

/**
 * Invocations of one function that no instance has taken yet.
 *
 * A body stays on its caller's socket until an instance has room: `unread` invocations wait in line for their body to be
 * read, `ready` ones for an instance. Both, and those whose body is on its way, count against the held limits.
 */
export class HoldingQueue {
  private readonly ready = new InvocationList();
  private readonly unread = new InvocationList();
  private readonly reading = new InvocationList();
  private heldBytes = 0;
  private waitTimer: NodeJS.Timeout | undefined;

  /**
   * @param whenReady - A body has arrived: the invocation can be dispatched.
   * @param onExpired - An invocation has waited for an instance for too long and is out of the queue.
   */
  constructor(
    private readonly limits: () => FunctionDocument["limits"],
    private readonly whenReady: () => void,
    private readonly onExpired: (invocation: Invocation) => void,
  ) {}

  /** All that wait for an instance. */
  get size(): number {
    return this.ready.size + this.unread.size + this.reading.size;
  }

  get readyCount(): number {
    return this.ready.size;
  }

  get unreadCount(): number {
    return this.unread.size;
  }

  /** How long the invocation that waits longest has waited, in milliseconds; 0 when none waits. */
  get longestWaitMs(): number {
    const first = this.ready.first?.arrivedAt ?? Infinity;
    const oldest = Math.min(first, this.unread.first?.arrivedAt ?? Infinity);
    return oldest === Infinity ? 0 : performance.now() - oldest;
  }

  /**
   * @throws GatewayError 429 when the held limits are reached.
   */
  add(invocation: Invocation): void {
    const limits = this.limits();
    if (this.size >= limits.heldRequests)
      throw new GatewayError(
        429,
        "TooManyRequests",
        `${limits.heldRequests} requests wait for an instance of this function already`,
        1,
      );
    this.count(invocation, invocation.bodyBytes);
    (Buffer.isBuffer(invocation.body) ? this.ready : this.unread).push(invocation);
    this.scheduleExpiry();
  }

  /** The next invocation for an instance; it counts as held no more. */
  takeReady(): Invocation | undefined {
    const invocation = this.ready.shift();
    if (invocation !== undefined) this.discount(invocation);
    return invocation;
  }

  /** Puts an invocation that an instance did not take back to the front. */
  giveBack(invocation: Invocation): void {
    invocation.heldBytes = invocation.bodyBytes;
    this.heldBytes += invocation.heldBytes;
    this.ready.unshift(invocation);
    this.scheduleExpiry();
  }

  /** Begins to read the bodies of at most so many invocations. */
  readBodies(count: number): void {
    while (count-- > 0) {
      const invocation = this.unread.shift();
      if (invocation === undefined || Buffer.isBuffer(invocation.body)) return;
      this.reading.push(invocation);
      invocation.readingSince = performance.now();
      const whenRead = (body: Buffer) => {
        if (!this.reading.has(invocation)) return;
        this.reading.remove(invocation);
        invocation.body = body;
        this.ready.push(invocation);
        this.whenReady();
      };
      // a body whose length is not declared counts as it arrives
      invocation.body.read(whenRead, (bytes) => {
        if (this.reading.has(invocation) && bytes > invocation.heldBytes) this.count(invocation, bytes);
      });
    }
  }

  /** Bodies that began to be read within the last so many milliseconds and are still on their way. */
  readingForLessThan(milliseconds: number): number {
    const since = performance.now() - milliseconds;
    let count = 0;
    for (let each = this.reading.last; each !== undefined && each.readingSince > since; each = each.previous) count++;
    return count;
  }

  /** Takes an invocation out whose caller has gone or was answered; says whether it was held. */
  remove(invocation: Invocation): boolean {
    for (const list of [this.ready, this.unread, this.reading])
      if (list.has(invocation)) {
        list.remove(invocation);
        this.discount(invocation);
        return true;
      }
    return false;
  }

  /** Takes out all that wait. */
  takeAll(): Invocation[] {
    const all: Invocation[] = [];
    for (const list of [this.ready, this.unread, this.reading])
      for (let each = list.shift(); each !== undefined; each = list.shift()) all.push(each);
    this.heldBytes = 0;
    return all;
  }

  /** @throws GatewayError 429 when so many bytes are too many together with those that are held. */
  private count(invocation: Invocation, bytes: number): void {
    const { heldBytes } = this.limits();
    if (this.heldBytes + bytes - invocation.heldBytes > heldBytes)
      throw new GatewayError(
        429,
        "TooManyRequests",
        `request bodies of ${heldBytes} bytes wait for an instance of this function already`,
        1,
      );
    this.heldBytes += bytes - invocation.heldBytes;
    invocation.heldBytes = bytes;
  }

  private discount(invocation: Invocation): void {
    this.heldBytes -= invocation.heldBytes;
    invocation.heldBytes = 0;
  }

  /** One timer for the whole queue: it is in order of arrival, so the first to expire is at a list's front. */
  private scheduleExpiry(): void {
    if (this.waitTimer !== undefined) return;
    const oldest = [this.ready.first, this.unread.first, this.reading.first]
      .filter((each) => each !== undefined)
      .map((each) => each.arrivedAt);
    if (oldest.length === 0) return;
    const due = Math.min(...oldest) + this.limits().instanceWaitSeconds * 1000 - performance.now();
    this.waitTimer = setTimeout(
      () => {
        this.waitTimer = undefined;
        this.expire();
        this.scheduleExpiry();
      },
      Math.max(due, 10),
    );
    this.waitTimer.unref();
  }

  private expire(): void {
    const limit = performance.now() - this.limits().instanceWaitSeconds * 1000;
    for (const list of [this.ready, this.unread, this.reading])
      for (let each = list.first; each !== undefined && each.arrivedAt <= limit; each = list.first) {
        this.remove(each);
        this.onExpired(each);
      }
  }
}
