import { randomBytes, randomUUID } from "node:crypto";

import { type TlsLinkServer } from "../../src/gateway/instances/tlsLinkServer";
import { LinkServer } from "../../src/gateway/instances/linkServer";
import { BodyBudget } from "../../src/gateway/invocations/bodyBudget";
import { type BufferedAnswer, BufferedCaller } from "../../src/gateway/invocations/bufferedCaller";
import { Dispatcher, type DispatcherEvents } from "../../src/gateway/invocations/dispatcher";
import { Invocation, type InvocationCaller } from "../../src/gateway/invocations/invocation";
import { type InvokeHead, type LogLine } from "../../src/link/messages";
import { API_VERSION, type FunctionDocument, functionDocument, type LinkRoots } from "../../src/spec";

export const NO_BODY = Buffer.alloc(0);
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Root secrets of so many generations; the last is the current one. */
export function linkRoots(...generations: number[]): LinkRoots {
  const [current, previous] = generations
    .map((generation) => ({ generation, secret: randomBytes(32).toString("base64") }))
    .reverse();
  return { current, ...(previous === undefined ? {} : { previous }) };
}

export interface LinkGatewayOptions {
  roots: LinkRoots;
  /** Functions by their name; what is not given is as by default. */
  functions: Record<string, Partial<FunctionDocument>>;
  host?: string;
  port?: number;
}

export interface Call {
  query?: string;
  body?: Buffer;
  contentType?: string;
}

/** A call whose body is a form. */
export const MULTIPART: Call = {
  contentType: "multipart/form-data; boundary=b",
  body: Buffer.from('--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n--b--\r\n'),
};

/** What of a gateway replica has to do with instances: a link server, and a dispatcher for each function. */
export class LinkGateway {
  readonly refusals: string[] = [];
  readonly lines: LogLine[] = [];
  /** What instances did, as `linked f-1`, `draining f-1`, `closed f-1`, `broken f-1 EntrypointNotFound`. */
  readonly events: string[] = [];
  roots: LinkRoots;
  private readonly bodies = new BodyBudget();
  private readonly dispatchers = new Map<string, Dispatcher>();
  private readonly host: string;
  private addresses: string[] = [];
  private server: TlsLinkServer | undefined;

  private constructor(options: LinkGatewayOptions) {
    this.roots = options.roots;
    this.host = options.host ?? "127.0.0.1";
    for (const [name, document] of Object.entries(options.functions))
      this.dispatchers.set(name, this.newDispatcher(name, document));
  }

  static async start(options: LinkGatewayOptions): Promise<LinkGateway> {
    const gateway = new LinkGateway(options);
    gateway.server = await LinkServer.listenTls({
      host: gateway.host,
      port: options.port ?? 0,
      roots: () => gateway.roots,
      find: (hello) => {
        const dispatcher = gateway.dispatchers.get(hello.function);
        if (dispatcher === undefined) return undefined;
        return {
          events: dispatcher,
          admit: (link) => {
            gateway.events.push(`linked ${hello.instance}`);
            dispatcher.add(link);
          },
        };
      },
      onRefused: (message) => gateway.refusals.push(message),
      peers: () => gateway.addresses,
    });
    gateway.addresses = [gateway.address];
    return gateway;
  }

  /** Where instances find it. */
  get address(): string {
    return `${this.host}:${this.server!.port}`;
  }

  get port(): number {
    return this.server!.port;
  }

  dispatcher(functionName: string): Dispatcher {
    return this.dispatchers.get(functionName)!;
  }

  setPeers(addresses: string[]): void {
    this.addresses = addresses;
    this.server!.setPeers(addresses);
  }

  /** Invokes a function as a request to `/?query` does. */
  async invoke(functionName: string, call: Call = {}): Promise<BufferedAnswer> {
    const caller = new BufferedCaller(MAX_ANSWER_BYTES);
    this.submit(functionName, caller, call);
    return caller.answered;
  }

  submit(
    functionName: string,
    caller: InvocationCaller,
    { query = "", body = NO_BODY, contentType }: Call,
  ): Invocation {
    const head: InvokeHead = {
      requestId: randomUUID(),
      trigger: { type: "endpoint", name: "test" },
      startedAt: 0,
      attempt: 1,
      http: {
        method: "POST",
        url: `/?${query}`,
        rawHeaders: contentType === undefined ? [] : ["content-type", contentType],
        ids: {},
        client: { ip: "127.0.0.1", deviceType: "desktop", userAgent: "" },
      },
    };
    const invocation = new Invocation(head, "POST /", caller, body);
    this.dispatcher(functionName).submit(invocation);
    return invocation;
  }

  /** As a gateway closes its links when it stops. */
  async close(): Promise<void> {
    await this.server?.close();
  }

  private newDispatcher(name: string, document: Partial<FunctionDocument>): Dispatcher {
    const full = functionDocument.parse({
      kind: "Function",
      apiVersion: API_VERSION,
      name,
      version: "v1",
      runtime: "nodejs",
      concurrency: 1,
      ...document,
    });
    const events: DispatcherEvents = {
      onDemand: () => undefined,
      onRoom: () => undefined,
      onEnd: () => undefined,
      onLog: (lines) => void this.lines.push(...lines),
      onInitFailed: (link, error) => void this.events.push(`broken ${link.hello.instance} ${error.errorType}`),
      onDraining: (link) => void this.events.push(`draining ${link.hello.instance}`),
      onRetired: (link) => void this.events.push(`draining ${link.hello.instance}`),
      onClosed: (link) => void this.events.push(`closed ${link.hello.instance}`),
      onStuck: (link, reason) => {
        this.events.push(`stuck ${link.hello.instance}: ${reason}`);
        link.destroy();
      },
    };
    return new Dispatcher(full, events, this.bodies);
  }
}
