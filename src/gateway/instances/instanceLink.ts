import { FrameType, LinkProtocolError, PART_BYTES, PEERS_PROTOCOL, PROTOCOL_VERSION } from "../../link/frames";
import { type ConnectionEnds, LinkSocket, type LinkStream } from "../../link/linkSocket";
import { type AnswerHead, type Hello, type InvocationError, type LogLine, type Welcome } from "../../link/messages";
import { type Invocation } from "../invocations/invocation";
import { readAnswer, readError, readHello, readLogLines } from "./receivedFrames";

/** Time that a connection has to say who it is. */
const HELLO_TIMEOUT_MS = 5_000;
/** An instance is taken for a slow one until it has shown that it is not. */
const FIRST_PACE_MS = 10;
/** Invocations over which the pace is averaged. */
const PACE_WINDOW = 32;
/** Time that an instance has to close its side of a link that the gateway has left. */
const LEAVE_GRACE_MS = 2_000;
/** Time that the gateway stays for a credit that the instance owes it, and with which it may send what is still held. */
const OWED_GRACE_MS = 10_000;

export interface InstanceLinkEvents {
  /** The instance has room for more. */
  onCredit(link: InstanceLink): void;
  /** The instance has not run the invocation; it belongs to nobody now. */
  onDeclined(link: InstanceLink, invocation: Invocation): void;
  /** The instance has accepted the invocation, and its body is not in memory any more for being sent. */
  onBodySent(invocation: Invocation): void;
  onAnswer(invocation: Invocation, head: AnswerHead, body: Buffer): void;
  onAnswerHead(invocation: Invocation, head: AnswerHead): void;
  onAnswerChunk(invocation: Invocation, chunk: Buffer, taken: () => void): void;
  onAnswerEnd(invocation: Invocation): void;
  onDone(link: InstanceLink, invocation: Invocation): void;
  onLog(link: InstanceLink, lines: LogLine[], invocation: Invocation | undefined): void;
  onInitFailed(link: InstanceLink, error: InvocationError): void;
  /** The instance takes nothing more. */
  onDraining(link: InstanceLink): void;
  /** The link has ended; what ran on it is lost. */
  onClose(link: InstanceLink, lost: Invocation[], unstarted: Invocation[]): void;
}

/** What becomes of an instance that has said hello. */
export interface Admission {
  events: InstanceLinkEvents;
  /** The instance has been welcomed. */
  admitted(link: InstanceLink): void;
  /** The link has ended, and so have its events. */
  closed?(link: InstanceLink): void;
}

/** The gateway's end of a link to one instance. */
export class InstanceLink {
  /** Invocations that may be sent. */
  credits = 0;
  /** Time in which the instance handles one invocation after the other, on average of the last ones. */
  paceMs = FIRST_PACE_MS;
  /** Takes nothing more; what runs will be finished. */
  draining = false;
  /** Places of the instance: the credits that it gives first, where a decline takes the rest of them away. */
  private places = Infinity;
  private leaving = false;
  /** Nothing is held that the instance could take. */
  private parted = false;
  /** The instance was full; it gives new credits when it is not any more. */
  private owesCredits = false;
  private drainSent = false;
  private finished = false;
  private ended = false;
  /** By their id on this link, from 1 on; ids of invocations that have ended are given again. */
  private readonly running: (Invocation | undefined)[] = [undefined];
  private readonly freeIds: number[] = [];
  private runningTotal = 0;
  private readonly unaccepted = new Set<number>();
  /** Invocations that the operating system has not been given yet. */
  private unwritten: number[] = [];
  private readonly awaitingPong: (() => void)[] = [];
  private readonly events: InstanceLinkEvents;

  private constructor(
    readonly hello: Hello,
    /** The version of the protocol that both sides speak. */
    readonly protocol: number,
    private readonly socket: LinkSocket,
    private readonly admission: Admission,
  ) {
    this.events = admission.events;
  }

  /**
   * Waits for an instance to say who it is.
   *
   * @param admit - Says who listens to the instance's events, or throws to turn it away.
   */
  static accept(socket: LinkStream, admit: (hello: Hello) => Admission): void {
    let link: InstanceLink | undefined;
    const tooLate = setTimeout(() => linkSocket.destroy(), HELLO_TIMEOUT_MS);
    const linkSocket = LinkSocket.accepted(socket, {
      onFrame: (type, id, payload) => {
        if (link !== undefined) return link.onFrame(type, id, payload);
        if (type !== FrameType.Hello) throw new LinkProtocolError("an instance says hello first");
        clearTimeout(tooLate);
        const hello = readHello(payload);
        const admission = admit(hello);
        const protocol = Math.min(hello.protocol, PROTOCOL_VERSION);
        link = new InstanceLink(hello, protocol, linkSocket, admission);
        linkSocket.sendJson(FrameType.Welcome, 0, { protocol } satisfies Welcome);
        admission.admitted(link);
      },
      onWritten: () => link?.onWritten(),
      onEnd: () => link?.stopSending(),
      onClose: () => {
        clearTimeout(tooLate);
        link?.onClosed();
      },
    });
  }

  /** What ran on it is lost. */
  get hasEnded(): boolean {
    return this.ended;
  }

  get runningCount(): number {
    return this.runningTotal;
  }

  get invocations(): Invocation[] {
    return this.running.filter((each) => each !== undefined);
  }

  /**
   * Uses up one credit.
   *
   * @throws Error when the head cannot be written as JSON; nothing is used up then.
   */
  invoke(invocation: Invocation, body: Buffer): void {
    const isSmall = body.length <= PART_BYTES;
    const head = JSON.stringify(isSmall ? invocation.head : { ...invocation.head, bodyBytes: body.length });
    const id = this.freeIds.pop() ?? this.running.length;
    this.credits--;
    this.running[id] = invocation;
    this.runningTotal++;
    this.unwritten.push(id);
    if (!isSmall) this.unaccepted.add(id);
    this.socket.sendHeadText(FrameType.Invoke, id, head, isSmall ? body : undefined);
  }

  /** Nobody waits for the answer any more. */
  cancel(invocation: Invocation, reason: string): void {
    const id = this.running.indexOf(invocation);
    if (id !== -1) this.socket.sendJson(FrameType.Cancel, id, reason);
  }

  /** Tells the instance to finish what runs and close. */
  drain(): void {
    this.stopSending();
    if (this.drainSent) return;
    this.drainSent = true;
    this.socket.send(FrameType.Drain, 0);
  }

  /**
   * Closes the link once nothing runs on it any more, and nothing is held that it could take. The instance goes on
   * working for others.
   */
  leave(): void {
    this.leaving = true;
    this.closeIfLeft();
    setTimeout(() => {
      this.owesCredits = false;
      this.closeIfLeft();
    }, OWED_GRACE_MS).unref();
  }

  /** As {@link leave}, for a function that is gone: whatever credits come, there is nothing for them. */
  part(): void {
    this.parted = true;
    this.leave();
  }

  /** Tells an instance that understands it where all gateways are. */
  announcePeers(addresses: readonly string[]): void {
    if (this.protocol >= PEERS_PROTOCOL) this.socket.sendJson(FrameType.Peers, 0, addresses);
  }

  /** Asks for a sign of life, which shows in {@link receivedBytes}. */
  probe(): void {
    this.socket.send(FrameType.Ping, 0);
  }

  get receivedBytes(): number {
    return this.socket.receivedBytes;
  }

  get ends(): ConnectionEnds {
    return this.socket.ends;
  }

  /** Resolves to whether the instance's event loop answered in time. */
  ping(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(this.socket.isClosed), timeoutMs);
      this.awaitingPong.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
      this.socket.send(FrameType.Ping, 0);
    });
  }

  /** Ends the link at once; what ran on it is lost. */
  destroy(): void {
    this.socket.destroy();
    this.onClosed();
  }

  private onFrame(type: FrameType, id: number, payload: Buffer): void {
    const invocation = this.running[id];
    const { events } = this;
    switch (type) {
      case FrameType.Answer:
      case FrameType.AnswerDone: {
        if (invocation === undefined) return;
        const { head, body } = readAnswer(payload);
        events.onAnswer(invocation, head, body);
        return type === FrameType.AnswerDone ? this.done(id, invocation, head.keepsCredit === true) : undefined;
      }
      case FrameType.Done:
        return invocation === undefined ? undefined : this.done(id, invocation, payload.length > 0);
      case FrameType.Credit:
        if (this.draining) return;
        if (this.places === Infinity && this.protocol >= PEERS_PROTOCOL) this.places = id;
        // it may be for the place of an invocation whose end is only on its way
        this.addCredits(id, Math.max(this.runningTotal - 1, 0));
        this.owesCredits = false;
        events.onCredit(this);
        return this.closeIfLeft();
      case FrameType.Accept:
        return this.sendBody(id, invocation);
      case FrameType.Decline:
        if (invocation === undefined) return;
        if (this.protocol >= PEERS_PROTOCOL) this.credits = 0;
        this.owesCredits = true;
        this.forget(id);
        events.onDeclined(this, invocation);
        return this.closeIfLeft();
      case FrameType.AnswerHead: {
        const { head } = readAnswer(payload);
        if (invocation !== undefined) events.onAnswerHead(invocation, head);
        return;
      }
      case FrameType.AnswerChunk:
        if (invocation === undefined) return;
        return events.onAnswerChunk(invocation, payload, () => {
          // a slow caller may take the last chunk when the id is another invocation's already
          if (this.running[id] !== invocation) return;
          const bytes = Buffer.allocUnsafe(4);
          bytes.writeUInt32BE(payload.length);
          this.socket.sendBytes(FrameType.Window, id, bytes);
        });
      case FrameType.AnswerEnd:
        if (invocation !== undefined) events.onAnswerEnd(invocation);
        return;
      case FrameType.Log:
        return events.onLog(this, readLogLines(payload), invocation);
      case FrameType.InitFailed:
        return events.onInitFailed(this, readError(payload));
      case FrameType.Draining:
        this.drain();
        return events.onDraining(this);
      case FrameType.Pong:
        for (const resolve of this.awaitingPong.splice(0)) resolve();
        return;
      default:
        throw new LinkProtocolError(`an instance does not send frames of type ${type as number}`);
    }
  }

  private done(id: number, invocation: Invocation, keepsCredit: boolean): void {
    this.paceMs += ((performance.now() - invocation.dispatchedAt) / this.runningCount - this.paceMs) / PACE_WINDOW;
    this.forget(id);
    if (keepsCredit) this.owesCredits = true;
    else if (!this.draining) this.addCredits(1, this.runningTotal);
    this.events.onDone(this, invocation);
    this.closeIfLeft();
  }

  /**
   * An instance that declines gives credits for all places in which it runs nothing. It does not know of invocations that
   * were on their way to it by then, which give one back each when they end.
   *
   * @param taken - Places that invocations of this gateway have, or will have.
   */
  private addCredits(count: number, taken: number): void {
    this.credits = Math.max(Math.min(this.credits + count, this.places - taken), 0);
  }

  private sendBody(id: number, invocation: Invocation | undefined): void {
    if (invocation === undefined || !Buffer.isBuffer(invocation.body) || !this.unaccepted.delete(id)) return;
    this.socket.sendParts(FrameType.Body, id, invocation.body);
    this.socket.send(FrameType.BodyEnd, id);
    // until then it is in memory whoever lets go of it: an instance that is busy may read nothing for long
    this.socket.whenTaken(() => {
      if (this.running[id] === invocation && !this.unaccepted.has(id)) this.events.onBodySent(invocation);
    });
  }

  private forget(id: number): void {
    this.running[id] = undefined;
    this.freeIds.push(id);
    this.runningTotal--;
    this.unaccepted.delete(id);
  }

  private onWritten(): void {
    if (this.unwritten.length > 0) this.unwritten = [];
  }

  private stopSending(): void {
    this.draining = true;
    this.credits = 0;
  }

  private closeIfLeft(): void {
    if (!this.leaving || this.runningTotal > 0 || this.finished) return;
    if (this.owesCredits && !this.draining && !this.parted) return;
    this.finished = true;
    this.stopSending();
    this.socket.finish();
    setTimeout(() => this.destroy(), LEAVE_GRACE_MS).unref();
  }

  private onClosed(): void {
    if (this.ended) return;
    this.ended = true;
    this.stopSending();
    const lost: Invocation[] = [];
    const unstarted: Invocation[] = [];
    this.running.forEach((invocation, id) => {
      if (invocation === undefined) return;
      (this.unaccepted.has(id) || this.unwritten.includes(id) ? unstarted : lost).push(invocation);
    });
    this.running.length = 0;
    this.runningTotal = 0;
    this.unaccepted.clear();
    this.admission.closed?.(this);
    this.events.onClose(this, lost, unstarted);
  }
}
