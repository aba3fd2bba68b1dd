import { type FunctionDocument, limits as gatewayLimits } from "../../spec";
import { type BodyBudget } from "./bodyBudget";
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
 * arrive, not as they are announced: who announces much and sends nothing must not keep others out. They count until they
 * are let go, which may be when an instance that has taken the invocation has answered it.
 */
export class HoldingQueue {
  private readonly ready = new InvocationList();
  private readonly unread = new InvocationList();
  private readonly reading = new InvocationList();
  private heldBytes = 0;
  private waitTimer: NodeJS.Timeout | undefined;

  /**
   * @param budget - What all functions share.
   * @param whenReady - A body has arrived: the invocation can be dispatched.
   * @param onExpired - An invocation has waited for an instance for too long and is out of the queue.
   */
  constructor(
    private readonly limits: () => FunctionDocument["limits"],
    private readonly budget: BodyBudget,
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
    if (Buffer.isBuffer(invocation.body)) {
      if (invocation.body.length > 0) this.hold(invocation, invocation.body.length);
      this.ready.push(invocation);
    } else this.unread.push(invocation);
    this.scheduleExpiry();
  }

  /** The next invocation for an instance; its body counts until {@link letGo}. */
  takeReady(): Invocation | undefined {
    return this.ready.shift();
  }

  /** The body of an invocation that is out of the queue, or never was in it, is not needed any more. */
  letGo(invocation: Invocation): void {
    if (invocation.heldBytes > 0) this.count(invocation, 0);
    invocation.releaseBody();
  }

  /** Puts an invocation that an instance did not take back to the front. */
  giveBack(invocation: Invocation): void {
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
    for (; room > 0; room--) {
      const invocation = this.unread.first;
      if (invocation === undefined || Buffer.isBuffer(invocation.body)) return;
      const bytes = invocation.body.declaredBytes;
      const refusal = this.refusal(bytes);
      if (refusal !== undefined) {
        invocation.body.refuse(refusal);
        continue;
      }
      if (this.refusal(expectedBytes + bytes) !== undefined || !this.makeRoomToRead()) return;
      expectedBytes += bytes;
      this.unread.shift();
      this.readBody(invocation, invocation.body);
    }
  }

  private readBody(invocation: Invocation, unread: UnreadBody): void {
    this.reading.push(invocation);
    invocation.readingSince = performance.now();
    const whenRead = (body: Buffer) => {
      this.reading.remove(invocation);
      invocation.body = body;
      invocation.waitingSince = performance.now();
      this.ready.push(invocation);
      this.scheduleExpiry();
      this.whenReady();
    };
    unread.read(whenRead, (bytes) => this.hold(invocation, bytes));
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
        return true;
      }
    return false;
  }

  /** Takes out all that wait. */
  takeAll(): Invocation[] {
    const all: Invocation[] = [];
    for (const list of [this.ready, this.unread, this.reading])
      for (let each = list.shift(); each !== undefined; each = list.shift()) all.push(each);
    return all;
  }

  /** What a body is refused with that would need so many bytes more; undefined where there is room. */
  private refusal(more: number): GatewayError | undefined {
    const { heldBytes } = this.limits();
    if (this.heldBytes + more > heldBytes) return tooManyBytes(heldBytes);
    return this.budget.refusal(more);
  }

  /** @throws GatewayError 429 when it has so many bytes more now that they are too many. */
  private hold(invocation: Invocation, bytes: number): void {
    const more = bytes - invocation.heldBytes;
    const refusal = this.refusal(more);
    if (refusal !== undefined) throw refusal;
    this.count(invocation, bytes);
  }

  private count(invocation: Invocation, bytes: number): void {
    const more = bytes - invocation.heldBytes;
    invocation.heldBytes = bytes;
    this.heldBytes += more;
    this.budget.change(more);
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
    `request bodies of ${heldBytes} bytes are held for this function already`,
    1,
  );
}
