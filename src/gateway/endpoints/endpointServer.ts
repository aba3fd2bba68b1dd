import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";

import { limits, type RegionDocument, type RouteDocument } from "../../spec";
import { type FunctionHost } from "../functions/functionHost";
import { GatewayError } from "../invocations/gatewayError";
import { Invocation, NO_BODY } from "../invocations/invocation";
import { callerAddress } from "./callerAddress";
import { clientOf } from "./client";
import { EndpointListener, type EndpointPort, type Side } from "./endpointListener";
import { HttpCaller, refuse } from "./httpCaller";
import { refuseMalformed } from "./malformedRequest";
import { hasBody, RequestBody } from "./requestBody";
import { RouteTable } from "./routeTable";
import { SessionVerifier, sessionToken } from "./sessions";
import { UnsentAnswers } from "./unsentAnswers";

/** A client that takes nothing of its answer for this time is cut off: the answer is in memory until it is sent. */
const STALLED_ANSWER_MS = 60_000;

/** A request that has come, and what is known of it from then on. */
interface Arrival {
  request: IncomingMessage;
  response: ServerResponse;
  requestId: string;
  side: Side;
}

export interface EndpointServerOptions {
  ports: readonly EndpointPort[];
  find(functionName: string): FunctionHost | undefined;
  /** Answers `POST /queues/:name`. */
  publish(arrival: MessageArrival): void;
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

/** A message that has come. */
export interface MessageArrival extends Omit<Arrival, "side"> {
  queue: string;
  /** It has come by where endpoints are published. */
  isFromOutside: boolean;
  /** Answers have the notice that the connection closes. */
  isClosing: () => boolean;
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
  private readonly listeners: EndpointListener[];
  private readonly unsentAnswers: UnsentAnswers;
  private readonly isClosing = () => this.closing;
  private closing = false;
  private trustedProxies = 0;

  constructor(private readonly options: EndpointServerOptions) {
    const { stalledAnswerMs = STALLED_ANSWER_MS, unsentAnswers } = options;
    this.unsentAnswers = unsentAnswers ?? new UnsentAnswers({ periodMs: stalledAnswerMs });
    this.listeners = options.ports.map(
      (port) =>
        new EndpointListener(port, stalledAnswerMs, {
          onRequest: (request, response, side) => this.onRequest(request, response, side),
          onMalformed: (error, socket) => {
            const status = refuseMalformed(error, socket);
            if (status !== undefined) options.onRefused?.(status);
          },
        }),
    );
  }

  /** @returns the first port. */
  async listen(): Promise<number> {
    const [port] = await Promise.all(this.listeners.map((listener) => listener.listen()));
    return port;
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

  /** Closes once all that is under way is answered, each time with the notice that the connection closes. */
  async close(): Promise<void> {
    this.closing = true;
    const { longestCloseMs = limits.LONGEST_CLOSE_SECONDS * 1_000 } = this.options;
    await Promise.all(this.listeners.map((listener) => listener.close(longestCloseMs)));
  }

  private onRequest(request: IncomingMessage, response: ServerResponse, side: Side): void {
    const arrival: Arrival = { request, response, requestId: randomUUID(), side };
    // a proxy's request names the whole URL; what follows knows paths only
    if (!request.url!.startsWith("/")) request.url = request.url!.replace(/^[a-z]+:\/\/[^/?]*/i, "");
    try {
      this.handle(arrival);
    } catch (error) {
      this.refuseFor(arrival, error);
    }
  }

  /** An error that nobody has thought of is the request's alone, and not the end of all that others have under way. */
  private refuseFor(arrival: Arrival, error: unknown): void {
    const known = error instanceof GatewayError ? error : new GatewayError(500, "InternalError", "an internal error");
    if (known !== error)
      this.options.onNote?.("warn", `request ${arrival.requestId} failed unexpectedly: ${String(error)}`);
    this.refuse(arrival, known, known.status === 401 ? ["www-authenticate", "Bearer"] : []);
  }

  private handle(arrival: Arrival): void {
    const url = arrival.request.url!;
    const method = arrival.request.method!;
    const match = this.routes.find(method, url);
    if (match === undefined) return this.unrouted(arrival, method, url);
    const { route, ids } = match;
    const host = this.options.find(route.function);
    if (host === undefined) throw NOT_FOUND;
    if (this.sessions !== undefined && route.session !== "none") {
      void this.withSession(arrival, route, ids, this.sessions);
      return;
    }
    if (route.session === "required") throw NO_SESSIONS;
    this.invoke(arrival, route, ids, host, undefined);
  }

  private async withSession(
    arrival: Arrival,
    route: RouteDocument,
    ids: Record<string, string>,
    sessions: SessionVerifier,
  ): Promise<void> {
    const { request } = arrival;
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
      this.invoke(arrival, route, ids, host, session);
    } catch (error) {
      this.refuseFor(arrival, error);
    }
  }

  private invoke(
    { request, response, requestId, side }: Arrival,
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
    const trustedProxies = side === "inside" ? 0 : this.trustedProxies;
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
          client: clientOf(callerAddress(request, trustedProxies) ?? "", userAgentOf(rawHeaders)),
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

  private unrouted(arrival: Arrival, method: string, url: string): void {
    const { request, response, requestId } = arrival;
    const queue = QUEUE_PATH.exec(url);
    if (queue !== null && method === "POST")
      return this.options.publish({
        request,
        response,
        requestId,
        queue: decoded(queue[1]),
        isFromOutside: this.isFromOutside(arrival),
        isClosing: this.isClosing,
      });
    const allowed = queue === null ? this.routes.methodsOf(url) : ["POST"];
    if (allowed.length === 0) throw NOT_FOUND;
    const error = new GatewayError(405, "MethodNotAllowed", `this path takes ${allowed.join(", ")}, not ${method}`);
    this.refuse(arrival, error, ["allow", allowed.join(", ")]);
  }

  private isFromOutside({ request, side }: Arrival): boolean {
    if (side !== "both") return side === "outside";
    // whoever makes one up loses by it
    return request.headers["x-forwarded-for"] !== undefined || request.headers.forwarded !== undefined;
  }

  private refuse({ request, response, requestId }: Arrival, error: GatewayError, headers: string[]): void {
    this.options.onRefused?.(error.status);
    refuse(request, response, error, requestId, this.closing, headers);
  }
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
