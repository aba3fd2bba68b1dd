import { type ServerResponse } from "node:http";
import { type Socket } from "node:net";

import { limits } from "../../spec";
import { memoryShare } from "../memoryShare";

/** What makes room is enough for a while, so that it need not be looked for with each answer. */
const ROOM_SHARE = 1 / 8;

/** How often it is looked whether clients take something, in a period. */
const LOOKS = 60;

export interface UnsentAnswersOptions {
  /** `@default` a share of the gateway's memory, at most limits.MAX_UNSENT_ANSWER_BYTES */
  maxBytes?: number;
  /** `@default` limits.MIN_ANSWER_BYTES_PER_SECOND */
  minBytesPerSecond?: number;
  /** Time over which the rate is measured. */
  periodMs: number;
}

interface UnsentAnswer {
  socket: Socket;
  /** Bytes that are kept, as they were counted last. */
  bytes: number;
  /** What the client's side had taken of the connection's bytes when the period began, and when it was looked at last. */
  takenAtStart: number;
  periodStart: number;
  taken: number;
  /** When the client was seen to take something last. */
  movedAt: number;
}

/**
 * Answers that their clients have not taken yet, and that a gateway has in its memory until they do.
 *
 * When there are too many, those are cut off whose clients have taken nothing for the longest time. New requests could
 * be refused instead; then some twenty clients that do not read, at 6 MiB each, would keep all others out.
 */
export class UnsentAnswers {
  private readonly answers = new Map<ServerResponse, UnsentAnswer>();
  private bytes = 0;
  private readonly maxBytes: number;
  private readonly minBytes: number;
  private readonly periodMs: number;
  private readonly lookMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: UnsentAnswersOptions) {
    const { periodMs, minBytesPerSecond = limits.MIN_ANSWER_BYTES_PER_SECOND } = options;
    this.maxBytes = options.maxBytes ?? memoryShare(limits.UNSENT_MEMORY_SHARE, limits.MAX_UNSENT_ANSWER_BYTES);
    this.minBytes = (minBytesPerSecond * periodMs) / 1000;
    this.periodMs = periodMs;
    this.lookMs = periodMs / LOOKS;
  }

  /** Something was written; mostly the kernel has taken it by now. */
  written(response: ServerResponse): void {
    const { socket } = response;
    if (socket === null || socket.writableLength === 0) return;
    this.count(this.answers.get(response) ?? this.keep(response, socket));
    if (this.bytes > this.maxBytes) this.makeRoom();
  }

  /** The client has taken all that was written so far. */
  taken(response: ServerResponse): void {
    const answer = this.answers.get(response);
    if (answer === undefined) return;
    this.count(answer);
    this.beginPeriod(answer, performance.now());
  }

  private keep(response: ServerResponse, socket: Socket): UnsentAnswer {
    const now = performance.now();
    const taken = takenBytes(socket);
    const answer = { socket, bytes: 0, takenAtStart: taken, periodStart: now, taken, movedAt: now };
    this.answers.set(response, answer);
    response.once("close", () => {
      this.answers.delete(response);
      this.release(answer);
    });
    this.timer ??= setInterval(() => this.look(), this.lookMs).unref();
    return answer;
  }

  private count(answer: UnsentAnswer): void {
    const { writableLength } = answer.socket;
    this.bytes += writableLength - answer.bytes;
    answer.bytes = writableLength;
  }

  private beginPeriod(answer: UnsentAnswer, now: number): void {
    answer.takenAtStart = takenBytes(answer.socket);
    answer.periodStart = now;
  }

  private makeRoom(): void {
    for (const answer of this.answers.values()) this.count(answer);
    if (this.bytes <= this.maxBytes) return;
    const wanted = this.maxBytes * (1 - ROOM_SHARE);
    // one that is larger than the limit by itself is nobody's fault
    for (const answer of [...this.answers.values()].sort((a, b) => a.movedAt - b.movedAt).slice(0, -1)) {
      if (this.bytes <= wanted) return;
      this.cutOff(answer);
    }
  }

  private look(): void {
    const now = performance.now();
    for (const answer of this.answers.values()) {
      const taken = takenBytes(answer.socket);
      if (taken > answer.taken) answer.movedAt = now;
      answer.taken = taken;
      // where all is taken, more of the answer has to come first
      if (answer.socket.writableLength === 0) this.beginPeriod(answer, now);
      if (now - answer.periodStart < this.periodMs) continue;
      if (taken - answer.takenAtStart < this.minBytes) this.cutOff(answer);
      else this.beginPeriod(answer, now);
    }
    if (this.answers.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private cutOff(answer: UnsentAnswer): void {
    answer.socket.resetAndDestroy();
    this.release(answer);
  }

  private release(answer: UnsentAnswer): void {
    this.bytes -= answer.bytes;
    answer.bytes = 0;
  }
}

/**
 * Bytes that the kernel has taken, to send them. A socket itself tells of whole writes only, and an answer is one; what
 * Node.js keeps its own timeouts by has no public name.
 */
function takenBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & {
    _handle?: { bytesWritten: number; writeQueueSize: number } | null;
  };
  return handle === undefined || handle === null ? 0 : handle.bytesWritten - handle.writeQueueSize;
}
