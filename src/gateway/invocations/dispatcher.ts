import { type AnswerHead, type InvocationError, type LogLine } from "../../link/messages";
import { type FunctionDocument } from "../../spec";
import { type InstanceLink, type InstanceLinkEvents } from "../instances/instanceLink";
import { type BodyBudget } from "./bodyBudget";
import { GatewayError } from "./gatewayError";
import { HoldingQueue } from "./holdingQueue";
import { type Invocation } from "./invocation";
import { LiveInstances } from "./liveInstances";
import { OverdueInvocations } from "./overdueInvocations";

/** Time after which a body that is still on its way is no longer waited for before others are read. */
const SLOW_BODY_MS = 50;

const DECLINED_LATE = new GatewayError(
  503,
  "InstanceLost",
  "the instance gave the invocation back after it had taken it",
  1,
);
const CUT_OFF = new GatewayError(502, "AnswerCutOff", "the handler did not end the stream that it answered with");

export interface DispatcherEvents {
  /** Something waits for an instance, or the instances have changed: their number may have to change. */
  onDemand(): void;
  /** An instance has room for more. */
  onRoom(): void;
  /** An invocation has ended, answered or not. */
  onEnd(invocation: Invocation, link: InstanceLink | undefined): void;
  onLog(lines: LogLine[], link: InstanceLink, invocation: Invocation | undefined): void;
  onInitFailed(link: InstanceLink, error: InvocationError): void;
  /** The instance takes nothing more, as it says itself; what runs on it is finished. */
  onDraining(link: InstanceLink): void;
  /** The instance is given nothing more: one of its invocations timed out, and goes on. */
  onRetired(link: InstanceLink): void;
  onClosed(link: InstanceLink): void;
  /** The instance must be ended at once: it hangs, or only runs what nobody waits for. */
  onStuck(link: InstanceLink, reason: string): void;
}

/** Brings invocations of one function and instances that ask for work together. */
export class Dispatcher implements InstanceLinkEvents {
  private readonly instances = new LiveInstances();
  private readonly held: HoldingQueue;
  private readonly overdue: OverdueInvocations;
  private runningCount = 0;
  /** Messages and firings among those that are held, and among those that run. */
  private heldMessageCount = 0;
  private runningMessageCount = 0;
  /** Why nothing is held any more. */
  private closedBy: GatewayError | undefined;
  private slowBodyTimer: NodeJS.Timeout | undefined;
  private peak = 0;

  constructor(
    private document: FunctionDocument,
    private readonly events: DispatcherEvents,
    /** Shared by all functions of a gateway. */
    bodies: BodyBudget,
  ) {
    this.held = new HoldingQueue(
      () => this.document.limits,
      bodies,
      () => this.dispatch(),
      (invocation) => this.failWaiting(invocation, noInstance(this.document)),
    );
    this.overdue = new OverdueInvocations({
      onRecovered: (link) => {
        this.add(link);
        this.onCredit();
      },
      onUnheeded: (link) => this.giveUp(link),
      onStuck: events.onStuck.bind(events),
    });
  }

  update(document: FunctionDocument): void {
    this.document = document;
  }

  get heldCount(): number {
    return this.held.size;
  }

  get longestWaitMs(): number {
    return this.held.longestWaitMs;
  }

  get running(): number {
    return this.runningCount;
  }

  get heldMessages(): number {
    return this.heldMessageCount;
  }

  get runningMessages(): number {
    return this.runningMessageCount;
  }

  /** Instances that take work. */
  get live(): readonly InstanceLink[] {
    return this.instances.all;
  }

  get freeCredits(): number {
    return this.instances.freeCredits;
  }

  /** Highest number of invocations held and running since this was asked last. */
  takePeak(): number {
    const { peak } = this;
    this.peak = this.heldCount + this.runningCount;
    return peak;
  }

  /** Takes an invocation in; it is dispatched at once or held. Errors go to its caller. */
  submit(invocation: Invocation): void {
    invocation.coldStart = this.instances.all.length === 0;
    if (this.closedBy !== undefined) return this.fail(invocation, this.closedBy);
    try {
      this.held.add(invocation);
    } catch (error) {
      return this.fail(invocation, error as GatewayError);
    }
    if (invocation.isMessage) this.heldMessageCount++;
    this.peak = Math.max(this.peak, this.heldCount + this.runningCount);
    this.dispatch();
    if (invocation.dispatchedAt === 0) this.events.onDemand();
  }

  /** The caller has gone: a held invocation is forgotten, a running one is told. */
  abandon(invocation: Invocation, reason: string): void {
    if (invocation.abandoned) return;
    invocation.abandoned = true;
    if (this.held.remove(invocation)) return this.end(this.waited(invocation), undefined);
    invocation.runsOn?.cancel(invocation, reason);
  }

  /** The body of a held invocation will not be complete. */
  refuse(invocation: Invocation, error: GatewayError): void {
    if (this.held.remove(invocation)) this.failWaiting(invocation, error);
  }

  /** Fails everything that waits for an instance. */
  failHeld(error: GatewayError): void {
    for (const invocation of this.held.takeAll()) this.failWaiting(invocation, error);
  }

  /** Fails everything that waits for an instance, now and later. */
  close(error: GatewayError): void {
    this.closedBy = error;
    this.failHeld(error);
  }

  /** A new instance; it takes work as soon as it gives credits. */
  add(link: InstanceLink): void {
    this.instances.add(link);
  }

  private dispatch(): void {
    while (this.held.readyCount > 0) {
      const link = this.instances.next();
      if (link === undefined) break;
      this.start(link, this.held.takeReady()!);
    }
    if (this.held.unreadCount === 0) return;
    const free = this.freeCredits - this.held.readyCount;
    if (free <= 0) return;
    this.held.readBodies(free, SLOW_BODY_MS);
    // clients that send slowly must not keep free places from those behind them
    if (this.held.unreadCount > 0)
      this.slowBodyTimer ??= setTimeout(() => {
        this.slowBodyTimer = undefined;
        this.dispatch();
      }, SLOW_BODY_MS).unref();
  }

  private start(link: InstanceLink, invocation: Invocation): void {
    const { head } = invocation;
    invocation.dispatchedAt = performance.now();
    invocation.runsOn = link;
    head.startedAt = Date.now();
    this.runningCount++;
    if (invocation.isMessage) {
      this.heldMessageCount--;
      this.runningMessageCount++;
    }
    invocation.timer = setTimeout(() => this.onTimeout(link, invocation), this.document.timeoutSeconds * 1000);
    try {
      link.invoke(invocation, invocation.body as Buffer);
    } catch (error) {
      this.fail(invocation, unsendable(error as Error));
    }
  }

  onCredit(): void {
    this.dispatch();
    this.events.onDemand();
    this.events.onRoom();
  }

  onDeclined(link: InstanceLink, invocation: Invocation): void {
    this.takeBack(invocation);
    this.dispatch();
    this.overdue.ended(link, invocation);
  }

  /**
   * Nothing will offer the invocation to another instance, so its body is let go: a handler may take minutes. An agent
   * declines as late as when its bootstrap ends before it has asked for the event.
   */
  onBodySent(invocation: Invocation): void {
    if (this.document.runtime === "nodejs") this.held.letGo(invocation);
  }

  onAnswer(invocation: Invocation, head: AnswerHead, body: Buffer): void {
    if (invocation.abandoned || invocation.answering) return;
    invocation.answering = true;
    invocation.status = head.status;
    invocation.failure = head.failure?.errorMessage;
    invocation.caller.answer(head, body);
  }

  onAnswerHead(invocation: Invocation, head: AnswerHead): void {
    if (invocation.abandoned || invocation.answering) return;
    invocation.answering = true;
    invocation.status = head.status;
    invocation.failure = head.failure?.errorMessage;
    invocation.streaming = true;
    invocation.announcedBytes = head.bodyBytes;
    invocation.caller.streamStart(head);
  }

  onAnswerChunk(invocation: Invocation, chunk: Buffer, taken: () => void): void {
    if (invocation.abandoned) return taken();
    invocation.countStreamed(chunk.length);
    invocation.caller.streamChunk(chunk, taken);
  }

  onAnswerEnd(invocation: Invocation): void {
    if (invocation.abandoned) return;
    invocation.countStreamed(0);
    // one that is shorter than it was announced is cut off when the handler is done
    if ((invocation.announcedBytes ?? 0) > 0) return;
    invocation.streaming = false;
    invocation.caller.streamEnd();
  }

  onDone(link: InstanceLink, invocation: Invocation): void {
    if (invocation.streaming) this.deliver(invocation, CUT_OFF);
    this.end(invocation, link);
    this.dispatch();
    this.overdue.ended(link, invocation);
  }

  onLog(link: InstanceLink, lines: LogLine[], invocation: Invocation | undefined): void {
    if (invocation?.caller.log !== undefined) for (const line of lines) invocation.caller.log(line);
    this.events.onLog(lines, link, invocation);
  }

  onInitFailed(link: InstanceLink, error: InvocationError): void {
    this.events.onInitFailed(link, error);
  }

  onDraining(link: InstanceLink): void {
    this.instances.remove(link);
    this.events.onDraining(link);
    this.events.onDemand();
  }

  onClose(link: InstanceLink, lost: Invocation[], unstarted: Invocation[]): void {
    this.instances.remove(link);
    this.overdue.closed(link);
    const error = new GatewayError(502, "InstanceLost", "the function's instance ended while it ran this invocation");
    for (const invocation of lost) this.fail(invocation, error, link);
    for (const invocation of unstarted.reverse()) this.takeBack(invocation);
    this.events.onClosed(link);
    this.dispatch();
    this.events.onDemand();
  }

  /** Lets an instance finish what runs and go. */
  drain(link: InstanceLink): void {
    this.instances.remove(link);
    link.drain();
  }

  private takeBack(invocation: Invocation): void {
    const refusal = this.closedBy ?? (invocation.bodyReleased ? DECLINED_LATE : undefined);
    if (refusal !== undefined) return this.fail(invocation, refusal);
    clearTimeout(invocation.timer);
    this.runningCount--;
    if (invocation.isMessage) this.runningMessageCount--;
    invocation.dispatchedAt = 0;
    invocation.runsOn = undefined;
    if (invocation.abandoned) return this.end(invocation, undefined);
    if (invocation.isMessage) this.heldMessageCount++;
    this.held.giveBack(invocation);
  }

  private onTimeout(link: InstanceLink, invocation: Invocation): void {
    const { timeoutSeconds, runtime } = this.document;
    this.deliver(
      invocation,
      new GatewayError(504, "Timeout", `the function did not end within its timeout of ${timeoutSeconds} s`),
    );
    invocation.abandoned = true;
    link.cancel(invocation, `the timeout of ${timeoutSeconds} s is over`);
    // a handler that ends when it is told to can be trusted; a bootstrap is not told
    if (runtime === "nodejs") this.instances.remove(link);
    else this.giveUp(link);
    void this.overdue.add(link, invocation);
  }

  /** An instance that is not trusted any more finishes its other invocations. */
  private giveUp(link: InstanceLink): void {
    this.drain(link);
    this.events.onRetired(link);
    this.events.onDemand();
  }

  private failWaiting(invocation: Invocation, error: GatewayError): void {
    this.fail(this.waited(invocation), error);
  }

  /** An invocation has left the queue for good, without an instance. */
  private waited(invocation: Invocation): Invocation {
    if (invocation.isMessage) this.heldMessageCount--;
    return invocation;
  }

  private fail(invocation: Invocation, error: GatewayError, link?: InstanceLink): void {
    this.deliver(invocation, error);
    this.end(invocation, link);
  }

  private deliver(invocation: Invocation, error: GatewayError): void {
    if (invocation.abandoned) return;
    invocation.failure = error.message;
    invocation.status = error.status;
    if (invocation.answering) invocation.caller.streamFail(error);
    else invocation.caller.fail(error);
    invocation.answering = true;
  }

  private end(invocation: Invocation, link: InstanceLink | undefined): void {
    clearTimeout(invocation.timer);
    if (invocation.dispatchedAt !== 0) {
      this.runningCount--;
      if (invocation.isMessage) this.runningMessageCount--;
    }
    // whoever still reads the answer must not keep the body as well
    this.held.letGo(invocation);
    invocation.caller.done?.();
    this.events.onEnd(invocation, link);
  }
}

/** Only a tester gives parts that were read from JSON by a loop, and cannot be written by recursion. */
function unsendable({ message }: Error): GatewayError {
  const reason = `the parts of the request cannot be handed to an instance, they are nested too deeply: ${message}`;
  return new GatewayError(400, "InvalidParts", reason, undefined, true);
}

function noInstance(document: FunctionDocument): GatewayError {
  return new GatewayError(
    503,
    "NoInstance",
    `no instance of the function became free within ${document.limits.instanceWaitSeconds} s`,
    1,
  );
}
