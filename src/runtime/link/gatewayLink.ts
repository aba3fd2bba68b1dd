import { connect } from "node:net";

import { FrameType, LinkProtocolError, parseJson, PROTOCOL_VERSION, splitHead } from "../../link/frames";
import { LinkSocket } from "../../link/linkSocket";
import { type Hello, type InvocationError, type InvokeHead, type LogLine } from "../../link/messages";
import { LinkInvocation } from "./linkInvocation";

export interface GatewayLinkEvents {
  onInvocation(invocation: LinkInvocation): void;
  /** Finish what runs; nothing more will come. */
  onDrain(): void;
  onClose(error: Error | undefined): void;
}

const NO_BODY = Buffer.alloc(0);

interface Incoming {
  head: InvokeHead;
  parts: Buffer[];
}

/** An instance's link to one gateway: says hello, takes invocations, gives their places back. */
export class GatewayLink {
  private readonly socket: LinkSocket;
  private readonly running = new Map<number, LinkInvocation>();
  private readonly incoming = new Map<number, Incoming>();
  private readonly onDone = (id: number) => void this.running.delete(id);

  constructor(
    path: string,
    hello: Omit<Hello, "protocol">,
    private readonly events: GatewayLinkEvents,
  ) {
    this.socket = LinkSocket.connect((onread) => connect({ path, onread }), {
      onFrame: (type, id, payload) => this.onFrame(type, id, payload),
      onClose: (error) => {
        for (const invocation of this.running.values()) invocation.cancel("the gateway has gone");
        events.onClose(error);
      },
    });
    this.socket.sendJson(FrameType.Hello, 0, { protocol: PROTOCOL_VERSION, ...hello } satisfies Hello);
  }

  get invocations(): ReadonlyMap<number, LinkInvocation> {
    return this.running;
  }

  /** Invocations whose body is still under way. */
  get arriving(): number {
    return this.incoming.size;
  }

  /** Lets the gateway send so many more invocations. */
  credit(count: number): void {
    this.socket.send(FrameType.Credit, count);
  }

  initFailed(error: InvocationError): void {
    this.socket.sendJson(FrameType.InitFailed, 0, error);
  }

  /** Console lines that belong to no invocation. */
  log(level: LogLine["level"], message: string): void {
    this.socket.sendJson(FrameType.Log, 0, [{ time: Date.now(), level, message } satisfies LogLine]);
  }

  /** Tells the gateway to send nothing more. */
  draining(): void {
    this.socket.send(FrameType.Draining, 0);
  }

  /** Sends what is waiting to be sent, then closes. */
  finish(): void {
    this.socket.finish();
  }

  private onFrame(type: FrameType, id: number, payload: Buffer): void {
    switch (type) {
      case FrameType.Invoke: {
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
        if (this.incoming.delete(id)) return this.socket.send(FrameType.Done, id);
        return this.running.get(id)?.cancel(parseJson<string>(payload));
      case FrameType.Window:
        return this.running.get(id)?.widen(payload.readUInt32BE(0));
      case FrameType.Ping:
        return this.socket.send(FrameType.Pong, 0);
      case FrameType.Drain:
        return this.events.onDrain();
      case FrameType.Welcome:
        return;
      default:
        throw new LinkProtocolError(`a gateway does not send frames of type ${type as number}`);
    }
  }

  private begin(id: number, head: InvokeHead, body: Buffer): void {
    const invocation = new LinkInvocation(this.socket, id, head, body, this.onDone);
    this.running.set(id, invocation);
    this.events.onInvocation(invocation);
  }
}
