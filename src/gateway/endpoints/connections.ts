import { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Socket } from "node:net";

/**
 * With so many requests waiting behind the one that is being answered, a connection is not read any more. With fewer it
 * is, or nobody would learn that its client has gone: the kernel tells those who read or write.
 */
const READ_AHEAD = 32;
/** A connection's last read may bring 64 KiB more before it is paused: thousands of requests, of some 5 KB memory each. */
const MAX_WAITING = 10_000;

interface Connection {
  /** An answer that is not all with the kernel yet. */
  answering: ServerResponse | undefined;
  /** Requests behind it, which nothing was done for yet. */
  waiting: ServerResponse[] | undefined;
  /** Is not to be read. */
  paused: boolean;
  /** Will be paused once what has been read is parsed. */
  pausing: boolean;
  /** Bytes that had come when it was answered last: whoever has sent more since is about to ask for something. */
  bytesRead: number;
  /** When it is closed for having sent no whole request since idle ones are, by the monotonic clock. */
  closeBy: number | undefined;
}

/**
 * Connections of an HTTP server, which of them are idle, and whose turn it is on each.
 *
 * Node.js hands over all requests that a client has sent without waiting for answers, and keeps the answers until their
 * turn comes. So one client could have any number of requests run and any number of answers kept, and nobody would learn
 * that it has gone but the first of them. Here one request of a connection is answered at a time.
 */
export class Connections {
  private readonly connections = new Map<Socket, Connection>();
  private readonly onAnswered: (this: ServerResponse) => void;
  /** Of all connections. */
  private waitingCount = 0;

  /**
   * @param stalledMs - A client that takes nothing of its answer for this time, and up to twice as long, is cut off.
   * @param onTurn - A request is to be answered.
   * @param onMalformed - What a client has sent is no request.
   */
  constructor(
    server: Server,
    stalledMs: number,
    private readonly onTurn: (request: IncomingMessage, response: ServerResponse) => void,
    onMalformed: (error: Error, socket: Socket) => void,
  ) {
    const { connections } = this;
    server.on("connection", (socket: Socket) => {
      connections.set(socket, {
        answering: undefined,
        waiting: undefined,
        paused: false,
        pausing: false,
        bytesRead: 0,
        closeBy: undefined,
      });
      socket.once("close", () => this.forget(socket));
    });
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.onRequest(request, response);
    server.on("request", onRequest);
    server.on("checkContinue", onRequest);
    server.on("clientError", (error: Error, socket: Socket) => {
      // it may be the body of a request that is being answered, or come behind one
      if (connections.get(socket)?.answering?.headersSent === true) socket.destroy();
      else onMalformed(error, socket);
    });
    // Node.js puts the time off while the kernel takes more of what is being written. It does in steps, of up to 1.4 MB
    // (a third of the largest buffer that Linux has by default), so a slow client may seem to take nothing for a while
    server.setTimeout(stalledMs, (socket: Socket) => {
      if (socket.writableLength > 0) socket.resetAndDestroy();
      else if (connections.get(socket)?.answering === undefined) socket.destroy();
    });
    // one function for all: a closure for each request would cost on the way that all of them take
    const onAnswered = (response: ServerResponse) => this.answered(response.req.socket);
    this.onAnswered = function (this: ServerResponse) {
      onAnswered(this);
    };
  }

  /**
   * Closes connections on which nothing is under way.
   *
   * @param graceMs - Time that one has, from the first call on, which has sent something since it was answered: mostly
   * a part of a request, and empty lines or one byte now and then when it means to stay.
   */
  closeIdle(graceMs: number): void {
    const now = performance.now();
    for (const [socket, connection] of this.connections) {
      if (connection.answering !== undefined) continue;
      connection.closeBy ??= now + graceMs;
      if (socket.bytesRead === connection.bytesRead || now >= connection.closeBy) socket.destroy();
    }
  }

  /** Closes all, whatever is under way. */
  closeAll(): void {
    for (const socket of this.connections.keys()) socket.destroy();
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.connections.get(socket);
    // what was read before the connection was given up is parsed to its end
    if (connection === undefined || !socket.writable) return;
    if (connection.answering !== undefined) return this.letWait(socket, connection, response);
    this.begin(connection, request, response);
  }

  private begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    connection.answering = response;
    response.once("close", this.onAnswered);
    this.onTurn(request, response);
  }

  private answered(socket: Socket): void {
    const connection = this.connections.get(socket);
    if (connection === undefined) return;
    connection.answering = undefined;
    connection.bytesRead = socket.bytesRead;
    if (connection.waiting !== undefined) this.next(socket, connection, connection.waiting);
  }

  private letWait(socket: Socket, connection: Connection, response: ServerResponse): void {
    connection.waiting ??= [];
    connection.waiting.push(response);
    this.pauseOrResume(socket, connection);
    if (++this.waitingCount > MAX_WAITING) this.cutOffLongest();
  }

  private next(socket: Socket, connection: Connection, waiting: ServerResponse[]): void {
    // an answer may have said that it is the last one
    if (!socket.writable) return;
    const response = waiting.shift()!;
    this.waitingCount--;
    if (waiting.length === 0) connection.waiting = undefined;
    this.pauseOrResume(socket, connection);
    this.begin(connection, response.req, response);
  }

  private pauseOrResume(socket: Socket, connection: Connection): void {
    const isAhead = (connection.waiting?.length ?? 0) >= READ_AHEAD;
    if (!isAhead && connection.paused) socket.resume();
    connection.paused = isAhead;
    if (!isAhead || connection.pausing) return;
    connection.pausing = true;
    // in a moment, and each time: Node.js resumes by itself with every request that is read and every answer that is sent
    queueMicrotask(() => {
      connection.pausing = false;
      if (connection.paused) socket.pause();
    });
  }

  /** By RFC 9112 (9.3.2) its client repeats what was not answered; that of a connection with few is the last to suffer. */
  private cutOffLongest(): void {
    let longest: Socket | undefined;
    let most = 0;
    for (const [socket, { waiting }] of this.connections)
      if (waiting !== undefined && waiting.length > most) {
        longest = socket;
        most = waiting.length;
      }
    if (longest === undefined) return;
    this.forget(longest);
    longest.resetAndDestroy();
  }

  private forget(socket: Socket): void {
    this.waitingCount -= this.connections.get(socket)?.waiting?.length ?? 0;
    this.connections.delete(socket);
  }
}
