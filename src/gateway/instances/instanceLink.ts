import { type Socket } from "node:net";

import { FrameType, LinkProtocolError, parseJson, PART_BYTES, splitHead } from "../../link/frames";
import { LinkSocket } from "../../link/linkSocket";
import { type AnswerHead, type Hello, type InvocationError, type LogLine } from "../../link/messages";
import { type Invocation } from "../invocations/invocation";

/** An instance is taken for a slow one until it has shown that it is not. */
const FIRST_PACE_MS = 10;
/** Invocations over which the pace is averaged. */
const PACE_WINDOW = 32;

export interface InstanceLinkEvents {
  /** The instance has room for more. */
  onCredit(link: InstanceLink): void;
  /** The instance has not run the invocation; it belongs to nobody now. */
  onDeclined(link: InstanceLink, invocation: Invocation): void;
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

/** The gateway's end of a link to one instance. */
export class InstanceLink {
  /** Invocations that may be sent. */
  credits = 0;
  /** Time in which the instance handles one invocation after the other, on average of the last ones. */
  paceMs = FIRST_PACE_MS;
  /** Takes nothing more; what runs will be finished. */
  draining = false;
  /** By their id on this link, from 1 on; ids of invocations that have ended are given again. */
  private readonly running: (Invocation | undefined)[] = [undefined];
  private readonly freeIds: number[] = [];
  private runningTotal = 0;
  private readonly unaccepted = new Set<number>();
  private readonly awaitingPong: (() => void)[] = [];

  private constructor(
    readonly hello: Hello,
    private readonly socket: LinkSocket,
    private readonly events: InstanceLinkEvents,
  ) {}

  /**
   * Waits for an instance to say who it is.
   *
   * @param admit - Says who listens to the instance's events, or throws to turn it away.
   */
  static accept(
    socket: Socket,
    admit: (hello: Hello) => { events: InstanceLinkEvents; admitted: (link: InstanceLink) => void },
    helloTimeoutMs: number,
  ): void {
    let link: InstanceLink | undefined;
    const tooLate = setTimeout(() => linkSocket.destroy(), helloTimeoutMs);
    const linkSocket = LinkSocket.accepted(socket, {
      onFrame: (type, id, payload) => {
        if (link !== undefined) return link.onFrame(type, id, payload);
        if (type !== FrameType.Hello) throw new LinkProtocolError("an instance says hello first");
        clearTimeout(tooLate);
        const hello = parseJson<Hello>(payload);
        const { events, admitted } = admit(hello);
        link = new InstanceLink(hello, linkSocket, events);
        linkSocket.sendJson(FrameType.Welcome, 0, { protocol: hello.protocol });
        admitted(link);
      },
      onClose: () => {
        clearTimeout(tooLate);
        link?.onClosed();
      },
    });
  }

  get runningCount(): number {
    return this.runningTotal;
  }

  get invocations(): Invocation[] {
    return this.running.filter((each) => each !== undefined);
  }

  /** Uses up one credit. */
  invoke(invocation: Invocation, body: Buffer): void {
    const id = this.freeIds.pop() ?? this.running.length;
    this.credits--;
    this.running[id] = invocation;
    this.runningTotal++;
    if (body.length <= PART_BYTES) return this.socket.sendHead(FrameType.Invoke, id, invocation.head, body);
    this.unaccepted.add(id);
    this.socket.sendHead(FrameType.Invoke, id, { ...invocation.head, bodyBytes: body.length }, undefined);
  }

  /** Nobody waits for the answer any more. */
  cancel(invocation: Invocation, reason: string): void {
    const id = this.running.indexOf(invocation);
    if (id !== -1) this.socket.sendJson(FrameType.Cancel, id, reason);
  }

  /** Tells the instance to finish what runs and close. */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.credits = 0;
    this.socket.send(FrameType.Drain, 0);
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

  destroy(): void {
    this.socket.destroy();
  }

  private onFrame(type: FrameType, id: number, payload: Buffer): void {
    const invocation = this.running[id];
    const { events } = this;
    switch (type) {
      case FrameType.Answer:
      case FrameType.AnswerDone: {
        if (invocation === undefined) return;
        const { head, body } = splitHead<AnswerHead>(payload);
        events.onAnswer(invocation, head, body);
        return type === FrameType.AnswerDone ? this.done(id, invocation) : undefined;
      }
      case FrameType.Done:
        return invocation === undefined ? undefined : this.done(id, invocation);
      case FrameType.Credit:
        if (this.draining) return;
        this.credits += id;
        return events.onCredit(this);
      case FrameType.Accept:
        return this.sendBody(id, invocation);
      case FrameType.Decline:
        if (invocation === undefined) return;
        this.forget(id);
        return events.onDeclined(this, invocation);
      case FrameType.AnswerHead: {
        const { head } = splitHead<AnswerHead>(payload);
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
        return events.onLog(this, parseJson<LogLine[]>(payload), invocation);
      case FrameType.InitFailed:
        return events.onInitFailed(this, parseJson<InvocationError>(payload));
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

  private done(id: number, invocation: Invocation): void {
    this.paceMs += ((performance.now() - invocation.dispatchedAt) / this.runningCount - this.paceMs) / PACE_WINDOW;
    this.forget(id);
    if (!this.draining) this.credits++;
    this.events.onDone(this, invocation);
  }

  private sendBody(id: number, invocation: Invocation | undefined): void {
    if (invocation === undefined || !Buffer.isBuffer(invocation.body) || !this.unaccepted.delete(id)) return;
    this.socket.sendParts(FrameType.Body, id, invocation.body);
    this.socket.send(FrameType.BodyEnd, id);
  }

  private forget(id: number): void {
    this.running[id] = undefined;
    this.freeIds.push(id);
    this.runningTotal--;
    this.unaccepted.delete(id);
  }

  private onClosed(): void {
    this.draining = true;
    this.credits = 0;
    const lost: Invocation[] = [];
    const unstarted: Invocation[] = [];
    this.running.forEach((invocation, id) => {
      if (invocation !== undefined) (this.unaccepted.has(id) ? unstarted : lost).push(invocation);
    });
    this.running.length = 0;
    this.runningTotal = 0;
    this.unaccepted.clear();
    this.events.onClose(this, lost, unstarted);
  }
}
