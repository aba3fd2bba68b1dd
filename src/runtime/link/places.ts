/** Time that a gateway has to use a credit that it got in its turn, before it counts as having nothing to send. */
const TURN_MS = 10;

/** What one gateway has of an instance's places. */
export class Share {
  /** Invocations of the gateway that have a place. */
  running = 0;
  /** Credits that the gateway does not have, of as many as there are places, less what runs. */
  owed = 0;
  /** Credits of its turns that it has not used yet, and when the last one was given. */
  turns = 0;
  turnAt = 0;
  isWaiting = false;
  /** The gateway drops its credits when it is declined, and gets none back with a place that goes to another one. */
  takesTurns = false;

  constructor(readonly credit: (count: number) => void) {}
}

/**
 * The places of one instance, as many as its concurrency, and the credits by which gateways ask for them.
 *
 * Each gateway has credits for all places, so that work finds a free one whichever gateway holds it. Together they have
 * too many: an invocation that finds no place is declined. From then on places go round among the gateways that were
 * declined, one credit at a time, until all have their credits back.
 */
export class Places {
  private state: "paused" | "open" | "closed" = "paused";
  private taken = 0;
  private readonly shares = new Set<Share>();
  /** Who is owed credits, in the order of their turns. */
  private waiting: Share[] = [];
  /** Places that a credit was given for and that have not been taken yet. */
  private offered = 0;
  private turnTimer: NodeJS.Timeout | undefined;

  constructor(private readonly concurrency: number) {}

  /** Places in which something runs, or is about to. */
  get used(): number {
    return this.taken;
  }

  join(share: Share): void {
    this.shares.add(share);
    share.owed = this.concurrency;
    if (this.state === "open") this.pay(share);
  }

  /** The gateway takes no credits any more. What it runs here keeps its places. */
  part(share: Share): void {
    this.shares.delete(share);
    share.owed = 0;
    this.forgetTurns(share);
    this.offerPlaces();
  }

  /** Work is taken from now on. */
  open(): void {
    if (this.state === "closed") return;
    this.state = "open";
    for (const share of this.shares) this.pay(share);
  }

  /** Nothing can be run at the moment; what comes is declined. */
  pause(): void {
    if (this.state === "open") this.state = "paused";
  }

  /** No more credits are given. What is under way may still take a place. */
  close(): void {
    this.state = "closed";
    this.waiting = [];
    clearTimeout(this.turnTimer);
  }

  /** @returns false when there is no place: the invocation has to be declined. */
  take(share: Share): boolean {
    const hadTurn = share.turns > 0;
    if (hadTurn) {
      share.turns--;
      this.offered--;
    }
    if (this.state === "paused" || this.taken >= this.concurrency) {
      this.refuse(share, hadTurn);
      return false;
    }
    this.taken++;
    share.running++;
    share.owed = Math.min(share.owed, this.concurrency - share.running);
    return true;
  }

  /** @returns whether the gateway has its credit back with that. */
  release(share: Share): boolean {
    this.taken--;
    share.running--;
    if (this.state === "open" && !this.someoneWaits()) return true;
    const isForOthers = share.takesTurns && this.shares.has(share) && this.state !== "closed";
    if (isForOthers) {
      share.owed++;
      this.wait(share);
    }
    this.offerPlaces();
    return !isForOthers;
  }

  /** What had a place is declined after all. */
  decline(share: Share): void {
    this.taken--;
    share.running--;
    if (this.shares.has(share)) this.refuse(share, true);
    this.offerPlaces();
  }

  private refuse(share: Share, isNext: boolean): void {
    const missing = this.concurrency - share.running;
    share.owed = share.takesTurns ? missing : Math.min(share.owed + 1, missing);
    this.wait(share, isNext);
  }

  private wait(share: Share, isNext = false): void {
    if (share.isWaiting || this.state === "closed") return;
    share.isWaiting = true;
    if (isNext) this.waiting.unshift(share);
    else this.waiting.push(share);
  }

  private someoneWaits(): boolean {
    while (this.waiting.length > 0 && this.waiting[0].owed === 0) this.waiting.shift()!.isWaiting = false;
    return this.waiting.length > 0;
  }

  private offerPlaces(): void {
    if (this.state !== "open") return;
    while (this.taken + this.offered < this.concurrency && this.someoneWaits()) {
      const share = this.waiting.shift()!;
      share.isWaiting = false;
      if (!this.someoneWaits()) {
        this.pay(share);
        break;
      }
      share.owed--;
      share.turns++;
      share.turnAt = performance.now();
      this.offered++;
      share.credit(1);
      if (share.owed > 0) this.wait(share);
    }
    if (this.offered > 0 && this.someoneWaits()) this.turnTimer ??= setTimeout(() => this.endTurns(), TURN_MS);
  }

  /** Who has not used its turn has nothing to send: it may have its credits back, and its places are for others. */
  private endTurns(): void {
    this.turnTimer = undefined;
    const over = performance.now() - TURN_MS + 1;
    for (const share of this.shares)
      if (share.turns > 0 && share.turnAt <= over) {
        this.forgetTurns(share);
        this.pay(share);
      }
    this.offerPlaces();
  }

  private forgetTurns(share: Share): void {
    this.offered -= share.turns;
    share.turns = 0;
  }

  private pay(share: Share): void {
    const { owed } = share;
    share.owed = 0;
    if (owed > 0) share.credit(owed);
  }
}
