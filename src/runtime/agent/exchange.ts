import { type RuntimeEvent } from "./event";

/** A bootstrap's open request for an event. */
export interface Poll {
  /** Sends the event. A poll that learns later that it never arrived gives it back to the exchange. */
  deliver(event: RuntimeEvent): void;
}

/**
 * Time after which an event goes to a superseded poll since no other has come. A bootstrap that is alive asks again
 * within milliseconds.
 */
const SUPERSEDED_POLL_MS = 1_000;

/**
 * Brings events and polls together.
 *
 * The newest poll is served first, and when more polls are open than events may run at a time, the oldest ones are
 * taken for abandoned: their runtime has given up waiting without closing the connection. They get an event only when no
 * other poll has come for a while, since a runtime with more threads than concurrency looks the same.
 */
export class EventExchange {
  /** All events that are not answered, by their request id. */
  private readonly open = new Map<string, RuntimeEvent>();
  /** Those of them that no poll has taken. */
  private readonly waiting: RuntimeEvent[] = [];
  private readonly polls: Poll[] = [];
  private readonly superseded: Poll[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly concurrency: number) {}

  /** Events that a bootstrap has. */
  get running(): RuntimeEvent[] {
    return [...this.open.values()].filter((event) => !this.waiting.includes(event));
  }

  /** The event that runs, where there is exactly one. */
  get only(): RuntimeEvent | undefined {
    if (this.open.size - this.waiting.length !== 1) return undefined;
    return this.open.size === 1 ? this.open.values().next().value : this.running[0];
  }

  add(event: RuntimeEvent): void {
    this.open.set(event.requestId, event);
    this.waiting.push(event);
    this.match();
  }

  find(requestId: string): RuntimeEvent | undefined {
    return this.open.get(requestId);
  }

  /** Whether no poll has taken the event. */
  isWaiting(event: RuntimeEvent): boolean {
    return this.waiting.includes(event);
  }

  /** The event has been answered, whether or not a poll had it at the moment. */
  remove(event: RuntimeEvent): void {
    this.open.delete(event.requestId);
    removeFrom(this.waiting, event);
  }

  /** Takes out what no poll has taken. */
  takeWaiting(): RuntimeEvent[] {
    const events = this.waiting.splice(0);
    for (const event of events) this.open.delete(event.requestId);
    return events;
  }

  poll(poll: Poll): void {
    this.polls.push(poll);
    if (this.polls.length > this.concurrency) this.superseded.push(this.polls.shift()!);
    this.match();
  }

  /** The connection of a poll has ended before there was an event for it. */
  forget(poll: Poll): void {
    if (!removeFrom(this.polls, poll)) removeFrom(this.superseded, poll);
  }

  /** The event never reached the bootstrap: the next poll gets it. */
  giveBack(event: RuntimeEvent): void {
    if (this.open.get(event.requestId) !== event || this.isWaiting(event)) return;
    this.waiting.unshift(event);
    this.match();
  }

  /** Nothing comes any more. */
  close(): void {
    clearTimeout(this.timer);
  }

  private match(): void {
    while (this.waiting.length > 0) {
      const poll = this.polls.pop();
      if (poll === undefined) break;
      poll.deliver(this.waiting.shift()!);
    }
    if (this.waiting.length > 0 && this.superseded.length > 0)
      this.timer ??= setTimeout(() => this.matchSuperseded(), SUPERSEDED_POLL_MS);
  }

  private matchSuperseded(): void {
    this.timer = undefined;
    if (this.waiting.length > 0) this.superseded.pop()?.deliver(this.waiting.shift()!);
    this.match();
  }
}

function removeFrom<Item>(list: Item[], item: Item): boolean {
  const index = list.indexOf(item);
  if (index === -1) return false;
  list.splice(index, 1);
  return true;
}
