import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Server as Listener, type Socket } from "node:net";

import { problemWithCaller } from "./apiCaller";
import { type EventExchange } from "./exchange";
import { ApiConnection, HttpPoll } from "./poll";

const ROOT = "/v1/runtime/";
/** What of a body over the limit is read and thrown away, so that the bootstrap gets to read the 413. */
const MAX_DISCARDED_BYTES = 256 * 1024 * 1024;

/** What the API says to a request, where that is not an event. */
export interface ApiReply {
  status: 200 | 400 | 403 | 404 | 405 | 409 | 413;
  /** Present with an error. */
  message?: string;
}

export interface RuntimeApiEvents {
  /** A bootstrap asks for an event. */
  onPoll(): void;
  /** `body` is undefined when it is over the limit. */
  onResponse(requestId: string, body: Buffer | undefined, reply: (reply: ApiReply) => void): void;
  onError(requestId: string, body: Buffer | undefined): ApiReply;
  onInitError(body: Buffer | undefined): ApiReply;
  onProblem(message: string): void;
}

/** What becomes of a body that was sent; undefined stands for one over the limit. */
type Target = (body: Buffer | undefined, reply: (reply: ApiReply) => void) => void;

/**
 * The runtime API: HTTP on loopback for one bootstrap.
 *
 * No timeout of the server ever ends a connection: a wait for an event has no end. Its port is open before `node:http` is
 * loaded, so that the bootstrap starts meanwhile: a cold start has to wait for both.
 */
export class RuntimeApi {
  private server: Server | undefined;
  private listener: Listener | undefined;
  private address = "";
  private readonly connections = new Map<Socket, ApiConnection>();

  /** @param maxBodyBytes - Longest body that is kept. */
  constructor(
    private readonly exchange: EventExchange,
    private readonly maxBodyBytes: number,
    private readonly events: RuntimeApiEvents,
  ) {}

  /** Calls back with `host:port`, or with the reason why there is none. */
  listen(onListening: (address: string) => void, onFailed: (error: Error) => void): void {
    // half open as the server of node:http keeps them: a peer that has ended its side still gets its answer
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    this.listener = listener;
    listener.on("connection", (socket: Socket) => this.httpServer().emit("connection", socket));
    listener.once("error", onFailed);
    listener.listen(0, "127.0.0.1", () => {
      listener.off("error", onFailed);
      // as when no more files can be opened: connections that are there go on
      listener.on("error", (error) => this.events.onProblem(`the runtime API: ${error.message}`));
      this.address = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
      onListening(this.address);
      setImmediate(() => this.httpServer());
    });
  }

  /** Ends all connections. */
  close(): void {
    this.listener?.close();
    for (const socket of this.connections.keys()) socket.destroy();
  }

  private httpServer(): Server {
    if (this.server !== undefined) return this.server;
    const { createServer: createHttpServer } = process.getBuiltinModule("node:http");
    const server = createHttpServer({ keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 });
    server.on("connection", (socket: Socket) => {
      this.connections.set(socket, new ApiConnection(socket, this.exchange));
      socket.once("close", () => this.connections.delete(socket));
    });
    server.on("request", (request, response) => this.route(request, response));
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      const refused = Number(request.headers["content-length"]) > this.maxBodyBytes;
      if (!refused) response.writeContinue();
      this.route(request, response, refused);
    });
    this.server = server;
    return server;
  }

  /** @param refused - The body is over the limit, and its sender waits to be told so. */
  private route(request: IncomingMessage, response: ServerResponse, refused = false): void {
    response.sendDate = false;
    const connection = this.connections.get(request.socket)!;
    connection.settle();
    const problem = problemWithCaller(request.rawHeaders, this.address);
    if (problem !== undefined) return reply(response, { status: 403, message: problem });
    const { method, url = "" } = request;
    const mark = url.indexOf("?");
    const path = mark === -1 ? url : url.slice(0, mark);
    const [area, action, requestId, ...rest] = path.startsWith(ROOT) ? path.slice(ROOT.length).split("/") : [];
    if (area === "invocation" && action === "request" && requestId === undefined) {
      if (method !== "GET") return reply(response, { status: 405, message: `${url} is asked for with GET` });
      return this.poll(response, connection);
    }
    const target = rest.length > 0 ? undefined : this.target(area, action, requestId);
    if (target === undefined)
      return reply(response, { status: 404, message: `${method} ${path} is not a call of the runtime API` });
    if (method !== "POST") return reply(response, { status: 405, message: `${url} is sent to with POST` });
    if (refused) return target(undefined, (result) => reply(response, result, ["Connection", "close"]));
    const asksForNext =
      mark !== -1 && action === "response" && new URLSearchParams(url.slice(mark)).get("next") === "true";
    this.readBody(request, target, (result) => {
      if (result.status === 200 && asksForNext) this.poll(response, connection);
      else reply(response, result);
    });
  }

  private target(
    area: string | undefined,
    action: string | undefined,
    requestId: string | undefined,
  ): Target | undefined {
    const { events } = this;
    if (area === "init" && action === "error" && requestId === undefined)
      return (body, onReply) => onReply(events.onInitError(body));
    if (area !== "invocation" || requestId === undefined) return undefined;
    if (action === "response") return (body, onReply) => events.onResponse(requestId, body, onReply);
    if (action === "error") return (body, onReply) => onReply(events.onError(requestId, body));
    return undefined;
  }

  private poll(response: ServerResponse, connection: ApiConnection): void {
    const poll = new HttpPoll(response, connection, this.exchange);
    this.events.onPoll();
    this.exchange.poll(poll);
  }

  /**
   * Passes a body on once it is complete, or is over the limit; what comes then is thrown away, and replied to when it
   * ends. A body that breaks off says nothing: its bootstrap may send it again.
   */
  private readBody(request: IncomingMessage, target: Target, onEnd: (result: ApiReply) => void): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let refused = false;
    let refusal: ApiReply | undefined;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= this.maxBodyBytes) chunks.push(chunk);
      else if (bytes > this.maxBodyBytes + MAX_DISCARDED_BYTES) request.destroy();
      else if (!refused) {
        refused = true;
        chunks.length = 0;
        target(undefined, (result) => (refusal = result));
      }
    });
    request.on("end", () => {
      if (refused) onEnd(refusal!);
      else target(single(chunks), onEnd);
    });
  }
}

function single(chunks: Buffer[]): Buffer {
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

/** A success has no body: a script prints what it gets, and that would be in the function's logs. */
function reply(response: ServerResponse, { status, message }: ApiReply, headers: string[] = []): void {
  if (message === undefined) {
    response.writeHead(status, ["Content-Length", "0"]);
    response.end();
    return;
  }
  const body = Buffer.from(JSON.stringify({ errorMessage: message }) + "\n");
  response.writeHead(status, [...headers, "Content-Type", "application/json", "Content-Length", String(body.length)]);
  response.end(body);
}
