import { type Server, type ServerResponse } from "node:http";
import { type Socket } from "node:net";

interface Connection {
  /** Requests whose answers are not all with the kernel yet. */
  unanswered: number;
  /** Bytes that had come when it was answered last: whoever has sent more since is about to ask for something. */
  bytesRead: number;
}

/**
 * Connections of an HTTP server, and which of them are idle.
 *
 * `closeIdleConnections()` of Node.js takes those for idle whose answer has been handed over, though most of it may still
 * have to be sent.
 */
export class Connections {
  private readonly connections = new Map<Socket, Connection>();
  private readonly onAnswered: (this: ServerResponse) => void;

  /** @param stalledMs - A client that takes nothing of its answer for this time, and up to twice as long, is cut off. */
  constructor(server: Server, stalledMs: number) {
    const { connections } = this;
    server.on("connection", (socket: Socket) => {
      connections.set(socket, { unanswered: 0, bytesRead: 0 });
      socket.once("close", () => connections.delete(socket));
    });
    // Node.js puts the time off while the kernel takes more of what is being written. It does in steps, of up to 1.4 MB
    // (a third of the largest buffer that Linux has by default), so a slow client may seem to take nothing for a while
    server.setTimeout(stalledMs, (socket: Socket) => {
      if (socket.writableLength > 0) socket.resetAndDestroy();
      else if ((connections.get(socket)?.unanswered ?? 0) === 0) socket.destroy();
    });
    this.onAnswered = function (this: ServerResponse) {
      const { socket } = this.req;
      const connection = connections.get(socket);
      if (connection === undefined) return;
      connection.unanswered--;
      connection.bytesRead = socket.bytesRead;
    };
  }

  /** A request has come. */
  asked(response: ServerResponse): void {
    const connection = this.connections.get(response.req.socket);
    if (connection === undefined) return;
    connection.unanswered++;
    response.once("close", this.onAnswered);
  }

  /** Closes connections on which nothing is under way. */
  closeIdle(): void {
    for (const [socket, { unanswered, bytesRead }] of this.connections)
      if (unanswered === 0 && socket.bytesRead === bytesRead) socket.destroy();
  }
}
