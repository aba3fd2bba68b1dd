import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { type InvokeHead } from "../../link/messages";
import { InvalidBodyError } from "../request/body";
import { type Answer, InvalidAnswerError } from "./answer";
import { type BodyJob, type BodyResult } from "./bodyThread";
import { type BodyWork, DirectBodyWork, type EventSource } from "./bodyWork";
import { bufferOf, transferable } from "./transfer";

/** Larger bodies are worth the way to another thread: parsing one keeps an event loop for a millisecond or more. */
const THREAD_BYTES = 128 * 1024;
/** Time without work after which the thread's memory is given back. */
const IDLE_MS = 10_000;

// a thread runs what is compiled, wherever this module itself was loaded from
const THREAD = join(__dirname, "..", "..", "..", "dist", "runtime", "agent", "bodyThread.js");

type Job = BodyJob extends infer Each ? (Each extends BodyJob ? Omit<Each, "id"> : never) : never;

interface Pending {
  onResult(result: BodyResult): void;
  onError(error: Error): void;
}

/** Does the work on large bodies in a thread of its own, so that the event loop is free for everybody else. */
export class ThreadBodyWork implements BodyWork {
  private readonly direct = new DirectBodyWork();
  private readonly pending = new Map<number, Pending>();
  private worker: Worker | undefined;
  private lastId = 0;
  private idleTimer: NodeJS.Timeout | undefined;

  event(
    source: EventSource,
    invocation: { head: InvokeHead; body: Buffer },
    onJson: (json: string | Buffer) => void,
    onRefused: (error: Error) => void,
  ): void {
    const { head, body } = invocation;
    if (body.length <= THREAD_BYTES) return this.direct.event(source, invocation, onJson, onRefused);
    const { config, params } = source;
    this.run({ source: { config, params }, head, body }, body, {
      onResult: (result) => {
        if ("json" in result) onJson(bufferOf(result.json));
      },
      onError: onRefused,
    });
  }

  answer(
    response: Buffer,
    maxBytes: number,
    onAnswer: (answer: Answer) => void,
    onInvalid: (error: Error) => void,
  ): void {
    if (response.length <= THREAD_BYTES) return this.direct.answer(response, maxBytes, onAnswer, onInvalid);
    this.run({ response, maxBytes }, response, {
      onResult: (result) => {
        if ("head" in result) onAnswer({ head: result.head, body: bufferOf(result.body) });
      },
      onError: onInvalid,
    });
  }

  /** Ends the thread; there is no work any more. */
  async close(): Promise<void> {
    clearTimeout(this.idleTimer);
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private run(job: Job, bytes: Buffer, pending: Pending): void {
    clearTimeout(this.idleTimer);
    this.worker ??= this.newWorker();
    const id = ++this.lastId;
    this.pending.set(id, pending);
    this.worker.postMessage({ id, ...job }, transferable(bytes));
  }

  private newWorker(): Worker {
    const worker = new Worker(THREAD, { env: {} });
    // it keeps no gateway from ending
    worker.unref();
    let failure = new Error("the thread that was to read the body has ended");
    worker.on("message", (result: BodyResult) => this.onResult(result));
    worker.on("error", (error) => (failure = error));
    worker.on("exit", () => {
      if (this.worker === worker) this.worker = undefined;
      else if (this.worker !== undefined) return;
      const lost = [...this.pending.values()];
      this.pending.clear();
      for (const each of lost) each.onError(failure);
    });
    return worker;
  }

  private onResult(result: BodyResult): void {
    const pending = this.pending.get(result.id);
    this.pending.delete(result.id);
    if (this.pending.size === 0) this.idleTimer = setTimeout(() => void this.close(), IDLE_MS).unref();
    if (pending === undefined) return;
    if ("error" in result) pending.onError(errorOf(result.error));
    else pending.onResult(result);
  }
}

function errorOf({ name, message }: { name: string; message: string }): Error {
  if (name === "InvalidBody") return new InvalidBodyError(message);
  if (name === "InvalidResponse" || name === "ResponseTooLarge") return new InvalidAnswerError(name, message);
  return Object.assign(new Error(message), { name });
}
