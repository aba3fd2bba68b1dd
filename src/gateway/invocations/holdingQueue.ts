import { type FunctionDocument, limits as gatewayLimits } from "../../spec";
import { GatewayError } from "./gatewayError";
import { type Invocation, type UnreadBody } from "./invocation";
import { InvocationList } from "./invocationList";

/** Nobody is called slow before this time. */
const SPARED_MS = 1_000;

/**
 * Invocations of one function that no instance has taken yet.
 *
 * A body stays on its caller's socket until an instance has room: `unread` invocations wait in line for their body to be
 * read, `ready` ones for an instance. Both count against the limit of held requests. Those whose body is on its way have
 * one of their own: they need no instance yet, and how long they take is up to their callers. Bodies count as they
 * arrive, not as they are announced: who announces much and sends nothing must not keep others out.
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
    const first = this.ready.first?.waitingSince ?? Infinity;
    const oldest = Math.min(first, this.unread.first?.waitingSince ?? Infinity);
    return oldest === Infinity ? 0 : performance.now() - oldest;
  }

  /**
   * @throws GatewayError 429 when the held limits are reached.
   */
  add(invocation: Invocation): void {
    const limits = this.limits();
    if (this.ready.size + this.unread.size >= limits.heldRequests)
      throw new GatewayError(
        429,
        "TooManyRequests",
        `${limits.heldRequests} requests wait for an instance of this function already`,
        1,
      );
    this.check(invocation.bodyBytes);
    if (Buffer.isBuffer(invocation.body)) {
      this.hold(invocation, invocation.body.length);
      this.ready.push(invocation);
    } else this.unread.push(invocation);
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
    this.hold(invocation, invocation.bodyBytes);
    this.ready.unshift(invocation);
    this.scheduleExpiry();
  }

  /**
   * Begins to read bodies, for as many invocations as instances have room for. Those that are read already have a part of
   * the room; but a body that has been on its way for longer than `slowMs` keeps no place from others.
   */
  readBodies(room: number, slowMs: number): void {
    const since = performance.now() - slowMs;
    let expectedBytes = 0;
    for (let each = this.reading.last; each !== undefined && each.readingSince > since; each = each.previous) {
      room--;
      expectedBytes += Math.max(0, each.bodyBytes - each.heldBytes);
    }
    const { heldBytes } = this.limits();
    for (; room > 0; room--) {
      const invocation = this.unread.first;
      if (invocation === undefined || Buffer.isBuffer(invocation.body)) return;
      const bytes = invocation.body.declaredBytes;
      if (this.heldBytes + bytes > heldBytes) {
        invocation.body.refuse(tooManyBytes(heldBytes));
        continue;
      }
      if (this.heldBytes + expectedBytes + bytes > heldBytes || !this.makeRoomToRead()) return;
      expectedBytes += bytes;
      this.unread.shift();
      this.readBody(invocation, invocation.body);
    }
  }

  private readBody(invocation: Invocation, unread: UnreadBody): void {
    this.reading.push(invocation);
    invocation.readingSince = performance.now();
    const whenRead = (body: Buffer) => {
      if (!this.reading.has(invocation)) return;
      this.reading.remove(invocation);
      invocation.body = body;
      invocation.waitingSince = performance.now();
      this.ready.push(invocation);
      this.scheduleExpiry();
      this.whenReady();
    };
    unread.read(whenRead, (bytes) => {
      if (!this.reading.has(invocation)) return;
      this.check(bytes - invocation.heldBytes);
      this.hold(invocation, bytes);
    });
  }

  /** Says whether another body may be read, if need be instead of the one that comes slowest. */
  private makeRoomToRead(): boolean {
    if (this.reading.size < gatewayLimits.MAX_READ_REQUESTS) return true;
    const now = performance.now();
    let slowest: Invocation | undefined;
    let [leastRate, greatestRate] = [Infinity, 0];
    for (let each = this.reading.first; each !== undefined; each = each.next) {
      const readMs = now - each.readingSince;
      // one byte more, so that of those that sent none the oldest is the slowest
      const rate = (each.heldBytes + 1) / Math.max(readMs, SPARED_MS);
      greatestRate = Math.max(greatestRate, rate);
      if (readMs < SPARED_MS || rate >= leastRate) continue;
      slowest = each;
      leastRate = rate;
    }
    // the only one that is not spared can be faster than all that are
    if (leastRate >= greatestRate) return false;
    if (slowest === undefined || Buffer.isBuffer(slowest.body)) return false;
    slowest.body.refuse(
      new GatewayError(408, "RequestTimeout", "the body came too slowly while many others were being read", 1),
    );
    return true;
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
  private check(more: number): void {
    const { heldBytes } = this.limits();
    if (this.heldBytes + more > heldBytes) throw tooManyBytes(heldBytes);
  }

  private hold(invocation: Invocation, bytes: number): void {
    this.heldBytes += bytes - invocation.heldBytes;
    invocation.heldBytes = bytes;
  }

  private discount(invocation: Invocation): void {
    this.heldBytes -= invocation.heldBytes;
    invocation.heldBytes = 0;
  }

  /** One timer for the whole queue: lists are in order of waiting, so the first to expire is at a list's front. */
  private scheduleExpiry(): void {
    if (this.waitTimer !== undefined) return;
    const oldest = [this.ready.first, this.unread.first]
      .filter((each) => each !== undefined)
      .map((each) => each.waitingSince);
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
    for (const list of [this.ready, this.unread])
      for (let each = list.first; each !== undefined && each.waitingSince <= limit; each = list.first) {
        this.remove(each);
        this.onExpired(each);
      }
  }
}

function tooManyBytes(heldBytes: number): GatewayError {
  return new GatewayError(
    429,
    "TooManyRequests",
    `request bodies of ${heldBytes} bytes wait for an instance of this function already`,
    1,
  );
}
