import {
  FrameType,
  LinkProtocolError,
  parseJson,
  PEERS_PROTOCOL,
  PROTOCOL_VERSION,
  splitHead,
} from "../../link/frames";
import { type DeferredSender, type LinkSocket, type LinkSocketEvents } from "../../link/linkSocket";
import { type Hello, type InvocationError, type InvokeHead, type LogLine, type Welcome } from "../../link/messages";
import { type InvocationLink, KEEPS_CREDIT, LinkInvocation } from "./linkInvocation";
import { type Places, Share } from "./places";

export interface GatewayLinkEvents {
  onWelcome(link: GatewayLink): void;
  onInvocation(invocation: LinkInvocation): void;
  /** Where all gateways are, `ip:port` each. */
  onPeers(link: GatewayLink, addresses: string[]): void;
  /** Finish what runs; nothing more will come from this gateway. */
  onDrain(link: GatewayLink): void;
  onStrayLine(line: LogLine): void;
  /** The last invocation of a link that is closed has ended. */
  onForgotten(link: GatewayLink): void;
  onClose(link: GatewayLink, error: Error | undefined): void;
}

/** Opens the socket of a link, and says when what is sent reaches the gateway. */
export type OpenSocket = (events: LinkSocketEvents, onConnected: () => void) => LinkSocket;

const NO_BODY = Buffer.alloc(0);

interface Incoming {
  head: InvokeHead;
  parts: Buffer[];
}

/** An instance's link to one gateway: says hello, takes invocations, gives their places back. */
export class GatewayLink implements InvocationLink, DeferredSender {
  private readonly socket: LinkSocket;
  private readonly share: Share;
  private readonly running = new Map<number, LinkInvocation>();
  private readonly incoming = new Map<number, Incoming>();
  /** The version that both sides speak; 0 until the gateway has said it. */
  protocol = 0;
  /** Nothing more comes from the gateway. */
  drained = false;
  private connected = false;
  private unsentCredits = 0;

  constructor(
    open: OpenSocket,
    hello: Omit<Hello, "protocol">,
    private readonly places: Places,
    private readonly events: GatewayLinkEvents,
  ) {
    this.socket = open(
      {
        onFrame: (type, id, payload) => this.onFrame(type, id, payload),
        onClose: (error) => this.onClose(error),
      },
      () => (this.connected = true),
    );
    this.socket.sendJson(FrameType.Hello, 0, { protocol: PROTOCOL_VERSION, ...hello } satisfies Hello);
    this.share = new Share((count) => this.credit(count));
    places.join(this.share);
  }

  /** Invocations that the handler has, those of a gateway that has gone included. */
  get invocations(): ReadonlyMap<number, LinkInvocation> {
    return this.running;
  }

  get isClosed(): boolean {
    return this.socket.isClosed;
  }

  get receivedBytes(): number {
    return this.socket.receivedBytes;
  }

  initFailed(error: InvocationError): void {
    this.socket.sendJson(FrameType.InitFailed, 0, error);
  }

  /** Under load, places become free by the dozen in a turn of the event loop: one frame has the credits of all. */
  private credit(count: number): void {
    if (this.unsentCredits === 0) this.socket.defer(this);
    this.unsentCredits += count;
  }

  sendDeferred(): void {
    if (this.unsentCredits === 0) return;
    this.socket.send(FrameType.Credit, this.unsentCredits);
    this.unsentCredits = 0;
  }

  /** It takes away the credits that were given before, so these have to be before it. */
  private sendDecline(id: number): void {
    this.sendDeferred();
    this.socket.send(FrameType.Decline, id);
  }

  /** Console lines that belong to no invocation. */
  log(lines: LogLine[]): void {
    this.socket.sendJson(FrameType.Log, 0, lines);
  }

  /** Tells the gateway to send nothing more; it says so when it does not. */
  leave(): void {
    if (this.connected) this.socket.send(FrameType.Draining, 0);
    else this.destroy();
  }

  /** Sends what is waiting to be sent, then closes. */
  finish(): void {
    this.socket.finish();
  }

  /** Closes at once. */
  destroy(error?: Error): void {
    this.socket.destroy(error);
  }

  onDone(id: number): boolean {
    this.forget(id);
    return this.places.release(this.share);
  }

  onDeclined(id: number): void {
    this.sendDecline(id);
    this.forget(id);
    this.places.decline(this.share);
  }

  onStrayLine(line: LogLine): void {
    this.events.onStrayLine(line);
  }

  private onFrame(type: FrameType, id: number, payload: Buffer): void {
    switch (type) {
      case FrameType.Invoke: {
        if (!this.places.take(this.share)) return this.sendDecline(id);
        const { head, body } = splitHead<InvokeHead>(payload);
        if (head.bodyBytes === undefined) return this.begin(id, head, body.length === 0 ? NO_BODY : Buffer.from(body));
        this.incoming.set(id, { head, parts: [] });
        return this.socket.send(FrameType.Accept, id);
      }
      case FrameType.Body:
        this.incoming.get(id)?.parts.push(Buffer.from(payload));
        return;
      case FrameType.BodyEnd: {
        const incoming = this.incoming.get(id);
        if (incoming === undefined) return;
        this.incoming.delete(id);
        return this.begin(id, incoming.head, Buffer.concat(incoming.parts));
      }
      case FrameType.Cancel:
        if (this.incoming.delete(id))
          return this.socket.sendBytes(FrameType.Done, id, this.places.release(this.share) ? NO_BODY : KEEPS_CREDIT);
        return this.running.get(id)?.cancel(parseJson<string>(payload));
      case FrameType.Window:
        return this.running.get(id)?.widen(payload.readUInt32BE(0));
      case FrameType.Ping:
        return this.socket.send(FrameType.Pong, 0);
      case FrameType.Drain:
        this.drained = true;
        this.places.part(this.share);
        return this.events.onDrain(this);
      case FrameType.Welcome:
        this.protocol = Math.min(parseJson<Welcome>(payload).protocol, PROTOCOL_VERSION);
        this.share.takesTurns = this.protocol >= PEERS_PROTOCOL;
        return this.events.onWelcome(this);
      case FrameType.Peers:
        return this.events.onPeers(this, parseJson<string[]>(payload));
      default:
        throw new LinkProtocolError(`a gateway does not send frames of type ${type as number}`);
    }
  }

  private begin(id: number, head: InvokeHead, body: Buffer): void {
    const invocation = new LinkInvocation(this.socket, id, head, body, this);
    this.running.set(id, invocation);
    try {
      this.events.onInvocation(invocation);
    } catch (error) {
      // it would end the link otherwise, and with it all that runs on it
      invocation.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private forget(id: number): void {
    this.running.delete(id);
    if (this.isClosed && this.running.size === 0) this.events.onForgotten(this);
  }

  private onClose(error: Error | undefined): void {
    this.drained = true;
    this.places.part(this.share);
    for (let i = this.incoming.size; i > 0; i--) this.places.release(this.share);
    this.incoming.clear();
    for (const invocation of this.running.values()) invocation.cancel("the gateway has gone");
    this.events.onClose(this, error);
  }
}
