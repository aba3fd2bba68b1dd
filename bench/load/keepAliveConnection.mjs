import { connect } from "node:net";

/**
 * One HTTP/1.1 connection that sends a request as soon as the last one is answered.
 *
 * No more of HTTP is understood than the servers here need, so that the load costs a fraction of what it measures.
 */
export class KeepAliveConnection {
  #socket;
  #pending;
  #onAnswer;

  /** @param onAnswer - Called with the status of each answer. */
  constructor(host, port, onAnswer, onError) {
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port, host, noDelay: true });
    this.#socket.on("data", (chunk) => this.#take(chunk));
    this.#socket.on("error", onError);
    this.#socket.on("end", () => onError(new Error("the server has closed a connection under load")));
  }

  send(request) {
    this.#socket.write(request);
  }

  close() {
    this.#socket.destroy();
  }

  #take(chunk) {
    const data = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    if (!isComplete(data)) {
      this.#pending = data;
      return;
    }
    this.#onAnswer(Number(data.latin1Slice(9, 12)));
  }
}

/** One request is under way at a time, so there is never more than one answer in the data. */
function isComplete(data) {
  const headEnd = data.indexOf("\r\n\r\n");
  if (headEnd === -1) return false;
  const head = data.latin1Slice(0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) return data.length >= headEnd + 4 + Number(length[1]);
  return data.length >= headEnd + 4 + 5 && data.latin1Slice(data.length - 5) === "0\r\n\r\n";
}
