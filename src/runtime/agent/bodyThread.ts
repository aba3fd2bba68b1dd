import { parentPort } from "node:worker_threads";

import { type InvokeHead } from "../../link/messages";
import { type Answer } from "./answer";
import { DirectBodyWork, type EventSource } from "./bodyWork";
import { bufferOf, transferable } from "./transfer";

/** What the thread is asked for. */
export type BodyJob = { id: number } & (
  { source: EventSource; head: InvokeHead; body: Uint8Array } | { response: Uint8Array; maxBytes: number }
);

/** What it says to that. */
export type BodyResult = { id: number } & (
  | { json: Uint8Array }
  | { head: Answer["head"]; body: Uint8Array }
  /** The name tells apart the types that have one of their own. */
  | { error: { name: string; message: string } }
);

const work = new DirectBodyWork();

parentPort!.on("message", (job: BodyJob) => {
  const { id } = job;
  const fail = ({ name, message }: Error) => send({ id, error: { name, message } });
  try {
    if ("response" in job)
      work.answer(bufferOf(job.response), job.maxBytes, ({ head, body }) => send({ id, head, body }, body), fail);
    else
      work.event(
        job.source,
        { head: job.head, body: bufferOf(job.body) },
        (text) => {
          const json = Buffer.from(text);
          send({ id, json }, json);
        },
        fail,
      );
  } catch (error) {
    fail(error as Error);
  }
});

function send(result: BodyResult, bytes?: Uint8Array): void {
  parentPort!.postMessage(result, bytes === undefined ? [] : transferable(bytes));
}
