import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { Connections } from "./connections";

/** Connections that the kernel keeps until they are accepted: a thousand clients may come at once. */
const BACKLOG = 4_096;
const HEADERS_TIMEOUT_MS = 15_000;
const HEADERS_CHECK_MS = 5_000;
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** Time in which a closing server still answers, and tells its clients that it closes. */
const CLOSE_NOTICE_MS = 250;
const IDLE_SWEEP_MS = 50;

/**
 * Who comes by a port:
 *
 * - `inside`: those that are near the functions. No proxy is in front.
 * - `outside`: those that the region's endpoints are published to.
 * - `both`: those that a proxy has forwarded are from outside, and all others from inside.
 */
export type Side = "inside" | "outside" | "both";

/** A port of a gateway's endpoints. */
export interface EndpointPort {
  host: string;
  /** Asked when the server starts to listen. */
  port: () => number;
  side: Side;
}

export interface EndpointListenerEvents {
  onRequest: (request: IncomingMessage, response: ServerResponse, side: Side) => void;
  /** What a client has sent is no request. */
  onMalformed: (error: Error, socket: Socket) => void;
}

/** An HTTP server at one port. */
export class EndpointListener {
  private readonly server: Server;
  private readonly connections: Connections;

  /** @param stalledMs - Time after which a client that takes nothing of its answer is cut off. */
  constructor(
    private readonly at: EndpointPort,
    stalledMs: number,
    { onRequest, onMalformed }: EndpointListenerEvents,
  ) {
    this.server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: HEADERS_CHECK_MS,
      requestTimeout: 0,
      noDelay: true,
    });
    this.connections = new Connections(
      this.server,
      stalledMs,
      (request, response) => onRequest(request, response, at.side),
      onMalformed,
    );
    this.server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  }

  /** @returns the port. */
  async listen(): Promise<number> {
    const { host, port } = this.at;
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "EADDRINUSE" ? portTaken(this.at) : error),
      );
      this.server.listen({ host, port: port(), backlog: BACKLOG }, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /**
   * Accepts no new connection and answers what is under way, and what comes on open connections for a moment yet: a client
   * that has just been answered may have sent its next request already. Then closes connections that are idle, until none
   * is left: one is not as long as its answer is being sent, or a request that it has begun may still be completed.
   *
   * @param longestMs - What takes longer is cut off.
   */
  async close(longestMs: number): Promise<void> {
    // not http's own close, which ends the watch over connections that never complete a request
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.server, () => resolve()));
    await Promise.race([closed, pause(CLOSE_NOTICE_MS, undefined, { ref: false })]);
    const closeIdle = () => this.connections.closeIdle(HEADERS_TIMEOUT_MS);
    closeIdle();
    const sweep = setInterval(closeIdle, IDLE_SWEEP_MS);
    const tooLong = setTimeout(() => this.connections.closeAll(), longestMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(tooLong);
    this.server.close();
  }
}

function portTaken({ host, port }: EndpointPort): Error {
  const message = `port ${port()} of ${host} is taken by another process; stop that one, or give the region another port`;
  return Object.assign(new Error(message), { code: "EADDRINUSE" });
}
