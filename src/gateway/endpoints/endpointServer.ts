import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { limits, type RegionDocument, type RouteDocument } from "../../spec";
import { type FunctionHost } from "../functions/functionHost";
import { GatewayError } from "../invocations/gatewayError";
import { Invocation, NO_BODY } from "../invocations/invocation";
import { callerAddress } from "./callerAddress";
import { clientOf } from "./client";
import { Connections } from "./connections";
import { HttpCaller, refuse } from "./httpCaller";
import { refuseMalformed } from "./malformedRequest";
import { hasBody, RequestBody } from "./requestBody";
import { RouteTable } from "./routeTable";
import { SessionVerifier, sessionToken } from "./sessions";
import { UnsentAnswers } from "./unsentAnswers";

/** Connections that the kernel keeps until they are accepted: a thousand clients may come at once. */
const BACKLOG = 4_096;
const HEADERS_TIMEOUT_MS = 15_000;
const HEADERS_CHECK_MS = 5_000;
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** A client that takes nothing of its answer for this time is cut off: the answer is in memory until it is sent. */
const STALLED_ANSWER_MS = 60_000;
/** Time in which a closing server still answers, and tells its clients that it closes. */
const CLOSE_NOTICE_MS = 250;
const IDLE_SWEEP_MS = 50;

export interface EndpointServerOptions {
  host: string;
  /** Asked when the server starts to listen. */
  port: () => number;
  find(functionName: string): FunctionHost | undefined;
  /** Answers `POST /queues/:name`; once the server is closing, with the notice that the connection closes. */
  publish(
    request: IncomingMessage,
    response: ServerResponse,
    queue: string,
    requestId: string,
    isClosing: () => boolean,
  ): void;
  /** Told of each request that is refused before it is an invocation or a message. */
  onRefused?: (status: number) => void;
  /** Told what the gateway's log should say. */
  onNote?: (level: "info" | "warn", message: string) => void;
  /** Time after which a client that takes nothing of its answer is cut off. `@default` a minute */
  stalledAnswerMs?: number;
  /** Time after which a server that closes cuts off whatever is under way. `@default` limits.LONGEST_CLOSE_SECONDS */
  longestCloseMs?: number;
  /** What clients have not taken yet. `@default` by the limits of a gateway */
  unsentAnswers?: UnsentAnswers;
}

const NOT_FOUND = new GatewayError(404, "RouteNotFound", "no endpoint has this path");
const NO_SESSIONS = new GatewayError(
  401,
  "SessionRequired",
  "this endpoint needs a session, and its region verifies none: the app has no `sessions`",
);
const QUEUE_PATH = /^\/queues\/([^/?]+)\/?(?:\?.*)?$/;

/** The region's public side: takes requests, finds their function, brings the answer back. */
export class EndpointServer {
  private routes = new RouteTable([], () => undefined);
  private sessions: SessionVerifier | undefined;
  private readonly server: Server;
  private readonly connections: Connections;
  private readonly unsentAnswers: UnsentAnswers;
  private readonly isClosing = () => this.closing;
  private closing = false;
  private trustedProxies = 0;

  constructor(private readonly options: EndpointServerOptions) {
    this.server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: HEADERS_CHECK_MS,
      requestTimeout: 0,
      noDelay: true,
    });
    const { stalledAnswerMs = STALLED_ANSWER_MS, unsentAnswers } = options;
    this.unsentAnswers = unsentAnswers ?? new UnsentAnswers({ periodMs: stalledAnswerMs });
    this.connections = new Connections(
      this.server,
      stalledAnswerMs,
      (request, response) => this.onRequest(request, response),
      (error, socket) => {
        const status = refuseMalformed(error, socket);
        if (status !== undefined) options.onRefused?.(status);
      },
    );
    this.server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  }

  /** @returns the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "EADDRINUSE" ? portTaken(this.options) : error),
      );
      this.server.listen({ host: this.options.host, port: this.options.port(), backlog: BACKLOG }, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  update(routes: readonly RouteDocument[], region: RegionDocument, onConflict: (message: string) => void): void {
    this.routes = new RouteTable(routes, onConflict);
    const { sessions, trustedProxies = 0 } = region;
    this.trustedProxies = trustedProxies;
    // one that stays keeps the keys that it has fetched
    if (isDeepStrictEqual(sessions, this.sessions?.settings)) return;
    this.sessions =
      sessions === undefined
        ? undefined
        : new SessionVerifier(sessions, (level, message) => this.options.onNote?.(level, message));
  }

  /** Goes on as before, but every answer from now on says that its connection closes: clients go elsewhere. */
  announceClose(): void {
    this.closing = true;
  }

  /**
   * Accepts no new connection and answers what is under way, and what comes on open connections for a moment yet, each
   * time with the notice that the connection closes: a client that has just been answered may have sent its next request
   * already. Then closes connections that are idle, until none is left: one is not as long as its answer is being sent,
   * or a request that it has begun may still be completed. What takes longer than any request may is cut off.
   */
  async close(): Promise<void> {
    this.closing = true;
    // not http's own close, which ends the watch over connections that never complete a request
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.server, () => resolve()));
    await Promise.race([closed, pause(CLOSE_NOTICE_MS, undefined, { ref: false })]);
    const { longestCloseMs = limits.LONGEST_CLOSE_SECONDS * 1_000 } = this.options;
    const closeIdle = () => this.connections.closeIdle(HEADERS_TIMEOUT_MS);
    closeIdle();
    const sweep = setInterval(closeIdle, IDLE_SWEEP_MS);
    const tooLong = setTimeout(() => this.connections.closeAll(), longestCloseMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(tooLong);
    this.server.close();
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const requestId = randomUUID();
    // a proxy's request names the whole URL; what follows knows paths only
    if (!request.url!.startsWith("/")) request.url = request.url!.replace(/^[a-z]+:\/\/[^/?]*/i, "");
    try {
      this.handle(request, response, requestId);
    } catch (error) {
      this.refuseFor(request, response, error, requestId);
    }
  }

  /** An error that nobody has thought of is the request's alone, and not the end of all that others have under way. */
  private refuseFor(request: IncomingMessage, response: ServerResponse, error: unknown, requestId: string): void {
    const known = error instanceof GatewayError ? error : new GatewayError(500, "InternalError", "an internal error");
    if (known !== error) this.options.onNote?.("warn", `request ${requestId} failed unexpectedly: ${String(error)}`);
    const challenge = known.status === 401 ? ["www-authenticate", "Bearer"] : [];
    this.refuse(request, response, known, requestId, challenge);
  }

  private handle(request: IncomingMessage, response: ServerResponse, requestId: string): void {
    const url = request.url!;
    const method = request.method!;
    const match = this.routes.find(method, url);
    if (match === undefined) return this.unrouted(request, response, method, url, requestId);
    const host = this.options.find(match.route.function);
    if (host === undefined) throw NOT_FOUND;
    if (this.sessions !== undefined && match.route.session !== "none") {
      void this.withSession(request, response, requestId, match.route, match.ids, this.sessions);
      return;
    }
    if (match.route.session === "required") throw NO_SESSIONS;
    this.invoke(request, response, requestId, match.route, match.ids, host, undefined);
  }

  private async withSession(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    route: RouteDocument,
    ids: Record<string, string>,
    sessions: SessionVerifier,
  ): Promise<void> {
    try {
      const token = sessionToken(request.headers);
      if (token === undefined && route.session === "required")
        throw new GatewayError(401, "SessionRequired", "this endpoint needs a session token");
      const session =
        token === undefined ? undefined : await sessions.verify(token, request.headers["user-agent"] ?? "");
      // keys may have been waited for
      if (request.socket.destroyed) return;
      const host = this.options.find(route.function);
      if (host === undefined) throw NOT_FOUND;
      this.invoke(request, response, requestId, route, ids, host, session);
    } catch (error) {
      this.refuseFor(request, response, error, requestId);
    }
  }

  private invoke(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    route: RouteDocument,
    ids: Record<string, string>,
    host: FunctionHost,
    session: unknown,
  ): void {
    const url = request.url!;
    const method = request.method!;
    const caller = new HttpCaller(request, response, requestId, this.isClosing, this.unsentAnswers);
    const body = hasBody(request)
      ? new RequestBody(request, response, host.current.limits.requestBytes, (error) => host.refuse(invocation, error))
      : NO_BODY;
    const { rawHeaders } = request;
    const invocation = new Invocation(
      {
        requestId,
        trigger: { type: "endpoint", name: route.name },
        startedAt: 0,
        attempt: 1,
        http: {
          method,
          url,
          rawHeaders,
          ids,
          client: clientOf(callerAddress(request, this.trustedProxies) ?? "", userAgentOf(rawHeaders)),
          ...(session === undefined ? {} : { session }),
        },
      },
      `${method} ${url}`,
      caller,
      body,
    );
    response.on("close", () => {
      if (!response.writableFinished) host.abandon(invocation, "the caller has closed the connection");
    });
    host.submit(invocation);
  }

  private unrouted(
    request: IncomingMessage,
    response: ServerResponse,
    method: string,
    url: string,
    requestId: string,
  ): void {
    const queue = QUEUE_PATH.exec(url);
    if (queue !== null && method === "POST")
      return this.options.publish(request, response, decoded(queue[1]), requestId, this.isClosing);
    const allowed = queue === null ? this.routes.methodsOf(url) : ["POST"];
    if (allowed.length === 0) throw NOT_FOUND;
    const error = new GatewayError(405, "MethodNotAllowed", `this path takes ${allowed.join(", ")}, not ${method}`);
    this.refuse(request, response, error, requestId, ["allow", allowed.join(", ")]);
  }

  private refuse(
    request: IncomingMessage,
    response: ServerResponse,
    error: GatewayError,
    requestId: string,
    headers: string[] = [],
  ): void {
    this.options.onRefused?.(error.status);
    refuse(request, response, error, requestId, this.closing, headers);
  }
}

function portTaken({ host, port }: EndpointServerOptions): Error {
  const message = `port ${port()} of ${host} is taken by another process; stop that one, or give the region another port`;
  return Object.assign(new Error(message), { code: "EADDRINUSE" });
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new GatewayError(400, "InvalidPath", `"${segment}" is not percent-encoded as a URL must be`);
  }
}

/** Without `request.headers`, whose making costs more than this search. */
function userAgentOf(rawHeaders: readonly string[]): string {
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i].length === 10 && rawHeaders[i].toLowerCase() === "user-agent") return rawHeaders[i + 1];
  return "";
}
