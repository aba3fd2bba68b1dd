import { headers, Match, type Msg, type MsgHdrs, nanos } from "@nats-io/transport-node";

import { isJson } from "./mediaType";
import { idOf, numberOf } from "./messageNumbers";

/** Headers of messages. Those of `Fullcode-` are only on messages that were dead letters, and on dead letters. */
const CONTENT_TYPE = "Content-Type";
const ID = "Fullcode-Id";
const PUBLISHED_AT = "Fullcode-Published-At";
const ATTEMPTS = "Fullcode-Attempts";
const REASON = "Fullcode-Reason";
const UNCUT_BYTES = "Fullcode-Uncut-Bytes";

const MAX_CONTENT_TYPE_LENGTH = 256;
const NANOS_PER_MS = nanos(1);

/** A message of a queue as the server delivered it. */
export interface ReceivedMessage {
  /** Number of the message in its stream. */
  sequence: number;
  /** How often the server has delivered it, this time included. */
  deliveryCount: number;
  /** Where its end is reported to. */
  reply: string;
  id: string;
  body: Buffer;
  contentType: string;
  publishedAt: number;
  /** When it came to the stream, in milliseconds since the epoch. Later than `publishedAt` if it was redriven. */
  storedAt: number;
  /** What it takes of memory, headers included. */
  bytes: number;
}

/** What is kept of a message while it is a dead letter. */
export interface StoredLetter {
  id: string;
  body: Buffer;
  contentType: string;
  publishedAt: number;
  attempts: number;
  reason: string;
  uncutBytes?: number;
}

/** Reads a delivered message; `undefined` for what is none. */
export function receivedMessage(message: Msg): ReceivedMessage | undefined {
  const info = deliveryInfo(message.reply ?? "");
  if (info === undefined) return undefined;
  const body = bufferOf(message.data);
  const known = originOf(message.headers);
  return {
    ...info,
    reply: message.reply!,
    id: known?.id ?? idOf(info.sequence),
    publishedAt: known?.publishedAt ?? info.storedAt,
    body,
    contentType: contentTypeOf(message.headers, body),
    bytes: body.length + headerBytes(message.headers),
  };
}

/** Headers of a new message. */
export function messageHeaders(contentType: string): MsgHdrs {
  const made = headers();
  made.set(CONTENT_TYPE, contentType);
  return made;
}

/** Headers of a message that was a dead letter: it stays the message that it was. */
export function redrivenHeaders({ id, contentType, publishedAt }: StoredLetter): MsgHdrs {
  const made = messageHeaders(contentType);
  made.set(ID, id);
  made.set(PUBLISHED_AT, String(publishedAt));
  return made;
}

export function letterHeaders(letter: StoredLetter): MsgHdrs {
  const made = redrivenHeaders(letter);
  made.set(ATTEMPTS, String(letter.attempts));
  // a header is one line of text
  made.set(REASON, encodeURIComponent(Buffer.from(letter.reason).toString()));
  if (letter.uncutBytes !== undefined) made.set(UNCUT_BYTES, String(letter.uncutBytes));
  return made;
}

/** Reads a dead letter. One that somebody else put there has no headers of ours. */
export function storedLetter(data: Uint8Array, letterHeaders: MsgHdrs | undefined, sequence: number): StoredLetter {
  const body = bufferOf(data);
  const known = originOf(letterHeaders);
  const uncutBytes = countOf(letterHeaders?.get(UNCUT_BYTES));
  return {
    id: known?.id ?? idOf(sequence),
    body,
    contentType: contentTypeOf(letterHeaders, body),
    publishedAt: known?.publishedAt ?? 0,
    attempts: countOf(letterHeaders?.get(ATTEMPTS)) ?? 0,
    reason: decoded(letterHeaders?.get(REASON) ?? ""),
    ...(uncutBytes !== undefined && { uncutBytes }),
  };
}

/** The id of the message that a dead letter was. */
export function letterId(letterHeaders: MsgHdrs | undefined, sequence: number): string {
  return originOf(letterHeaders)?.id ?? idOf(sequence);
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<timestamp>.<pending>`, or the
 * longer form with domain and account before the stream, and possibly more after (nats-architecture-and-design, ADR-15).
 */
function deliveryInfo(reply: string) {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const [deliveryCount, sequence, , timestamp] = tokens.slice(tokens.length === 9 ? 4 : 6).map(Number);
  if (!Number.isSafeInteger(deliveryCount) || !Number.isSafeInteger(sequence)) return undefined;
  return { deliveryCount, sequence, storedAt: Math.floor(timestamp / NANOS_PER_MS) };
}

function originOf(given: MsgHdrs | undefined): { id: string; publishedAt: number } | undefined {
  const id = given?.get(ID) ?? "";
  const publishedAt = countOf(given?.get(PUBLISHED_AT));
  return Number.isNaN(numberOf(id)) || publishedAt === undefined ? undefined : { id, publishedAt };
}

/** Any NATS client may publish to a queue, and most give no type. */
function contentTypeOf(given: MsgHdrs | undefined, body: Buffer): string {
  const type = given?.get(CONTENT_TYPE, Match.IgnoreCase).slice(0, MAX_CONTENT_TYPE_LENGTH);
  if (type !== undefined && type !== "") return type;
  return isJson(body) ? "application/json" : "application/octet-stream";
}

function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function headerBytes(given: MsgHdrs | undefined): number {
  let bytes = 0;
  for (const [name, values] of given ?? []) for (const value of values) bytes += name.length + value.length;
  return bytes;
}

/** The same memory as a Buffer. */
function bufferOf(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
