import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";

export interface CallOptions {
  method?: string;
  headers?: OutgoingHttpHeaders;
  /** An object is sent as JSON. */
  body?: string | Buffer | object;
  agent?: Agent;
  signal?: AbortSignal;
}

/** An answer, read to its end. */
export interface CallAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
  text: string;
  /** Parsed when read; throws for a body that is not JSON. */
  readonly json: unknown;
}

/** One HTTP request without the conveniences of fetch: nothing is retried, followed or decoded. */
export function call(url: string, options: CallOptions = {}): Promise<CallAnswer> {
  const { method = options.body === undefined ? "GET" : "POST", headers = {}, body, agent, signal } = options;
  const isJson = typeof body === "object" && !Buffer.isBuffer(body);
  const bytes = body === undefined ? undefined : isJson ? JSON.stringify(body) : body;
  const all = isJson ? { "content-type": "application/json", ...headers } : headers;
  // as it is: URL would resolve dots and escape what a test wants to send
  const { hostname, port } = new URL(url);
  const path = url.replace(/^[^/]*\/\/[^/?]*/, "") || "/";
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, path, method, headers: all, agent: agent ?? false, signal },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const read = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode!,
            headers: incoming.headers,
            rawHeaders: incoming.rawHeaders,
            body: read,
            text: read.toString("utf8"),
            get json() {
              return JSON.parse(read.toString("utf8")) as unknown;
            },
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(bytes);
  });
}

/** A connection on which a test writes and reads bytes itself. */
export class RawConnection {
  private received = "";
  private closedNow = false;
  readonly closed: Promise<void>;

  constructor(readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (this.received += chunk));
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        this.closedNow = true;
        resolve();
      }),
    );
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new RawConnection(socket);
  }

  get text(): string {
    return this.received;
  }

  get isClosed(): boolean {
    return this.closedNow;
  }

  /** Statuses of the answers so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  write(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }

  end(): void {
    this.socket.destroy();
  }
}
