import { type ServerResponse } from "node:http";
import { type Socket } from "node:net";

import { type RuntimeEvent } from "./event";
import { type EventExchange, type Poll } from "./exchange";

/**
 * Written to a connection that the bootstrap has closed after an event was sent on it. A peer that had read the event
 * does not mind; one that was gone before has reset the connection, and the write fails.
 */
const PROBE = "\r\n";

/**
 * A connection to the runtime API, and the event whose arrival on it is not certain.
 *
 * An event counts as lost, and goes to the next poll, when its connection ended before all of it was written, when the
 * connection was reset, or when a probe finds that it was. It has arrived when another request comes on the connection.
 * A bootstrap that has read the event and closes its connection in the ordinary way is left alone.
 */
export class ApiConnection {
  private uncertain: RuntimeEvent | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly exchange: EventExchange,
  ) {
    // before node:http's own listener, which ends the socket
    socket.prependListener("end", () => this.probe());
    socket.on("error", () => this.lose());
  }

  /** An event was written to the connection. */
  sent(event: RuntimeEvent): void {
    if (this.socket.destroyed) this.exchange.giveBack(event);
    else this.uncertain = event;
  }

  /** Another request has come: what was sent before has arrived. */
  settle(): void {
    this.uncertain = undefined;
  }

  private probe(): void {
    const event = this.uncertain;
    if (event === undefined || !this.socket.writable) return;
    // what the peer makes of the probe itself is no news
    this.uncertain = undefined;
    this.socket.write(PROBE, (error) => {
      if (error) this.exchange.giveBack(event);
    });
  }

  private lose(): void {
    if (this.uncertain !== undefined) this.exchange.giveBack(this.uncertain);
    this.uncertain = undefined;
  }
}

/** A poll over HTTP. */
export class HttpPoll implements Poll {
  private event: RuntimeEvent | undefined;

  constructor(
    private readonly response: ServerResponse,
    connection: ApiConnection,
    exchange: EventExchange,
  ) {
    response.once("close", () => {
      if (this.event === undefined) exchange.forget(this);
      else if (response.writableFinished) connection.sent(this.event);
      else exchange.giveBack(this.event);
    });
  }

  deliver(event: RuntimeEvent): void {
    this.event = event;
    const { response } = this;
    const { headers, body } = event;
    response.writeHead(200, headers);
    if ("text" in body) response.end(body.text, "latin1");
    else response.end(body.bytes);
  }
}
