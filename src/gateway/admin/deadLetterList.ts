import { StringDecoder } from "node:string_decoder";

import { GatewayError } from "../invocations/gatewayError";
import { type DeadLetter } from "../queues/messageStore";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** What of a body is listed, unless whole ones are asked for. */
const LISTED_BODY_BYTES = 4_096;

/** A dead letter as the admin API lists it. */
export interface ListedLetter extends Omit<DeadLetter, "body"> {
  /** As text; the first 4 KiB, unless whole bodies were asked for. */
  body: string;
  /** Length of the whole body that is kept. */
  bodyBytes: number;
}

/** @throws GatewayError 400 for what is no number of letters. */
export function parseLimit(text: string | null): number {
  if (text === null) return DEFAULT_LIMIT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new GatewayError(400, "InvalidLimit", `limit is a whole number from 1 to ${MAX_LIMIT}, not "${text}"`);
  return limit;
}

export async function* listedLetters(letters: AsyncIterable<DeadLetter>, whole: boolean): AsyncGenerator<ListedLetter> {
  for await (const { body, ...letter } of letters)
    yield { ...letter, body: textOf(whole ? body : body.subarray(0, LISTED_BODY_BYTES)), bodyBytes: body.length };
}

/** Waits for the first value: what goes wrong before it can still be answered with an error. */
export async function begun<Value>(values: AsyncGenerator<Value>): Promise<AsyncGenerator<Value>> {
  const first = await values.next();
  return (async function* () {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* values;
    } finally {
      await values.return(undefined);
    }
  })();
}

/** A character that was cut is left out. */
function textOf(bytes: Buffer): string {
  return new StringDecoder("utf8").write(bytes);
}
