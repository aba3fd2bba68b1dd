import { createHash } from "node:crypto";

import { type MsgHdrs, nuid } from "@nats-io/transport-node";

import { MAX_MESSAGE_BYTES } from "../../spec/limits";
import { type JetStreamAccess } from "./jetStreamAccess";
import { isStorageFull, isTooLarge, reasonOf } from "./jetStreamErrors";
import { messageHeaders } from "./jetStreamMessage";
import { type JetStreamNames } from "./jetStreamNames";
import { idOf } from "./messageNumbers";
import type { NewMessage, PublishedMessage } from "./messageStore";
import { MessageTooLargeError, StoreWriteError } from "./storeErrors";

/** Long enough for a server that restarts, or for servers that elect a leader: up to 9 s each time (raft.go of NATS). */
const PUBLISH_TIMEOUT_MS = 15_000;
/** Ids that are short and printable can be recognized in a header. */
const PLAIN_ID = /^[\x21-\x7e]{1,200}$/;

/** Publishes to a queue's subject; resolves with what the stream says once it has the message. */
export async function publishToQueue(
  access: JetStreamAccess,
  names: JetStreamNames,
  queue: string,
  message: NewMessage,
  deduplicationId: string | undefined,
): Promise<PublishedMessage> {
  const { body, contentType } = message;
  if (body.length > MAX_MESSAGE_BYTES) throw new MessageTooLargeError(queue, body.length);
  const id = deduplicationId === undefined ? nuid.next() : messageId(queue, deduplicationId);
  const headers = messageHeaders(contentType);
  return publishWithId(access, { stream: names.stream, subject: names.queueSubject(queue) }, queue, body, headers, id);
}

/**
 * Publishes with a message id, so that a repetition after a lost answer is dropped by the server.
 *
 * @throws MessageTooLargeError, StoreWriteError, StoreUnavailableError.
 */
export async function publishWithId(
  access: JetStreamAccess,
  to: { stream: string; subject: string },
  queue: string,
  body: Buffer,
  headers: MsgHdrs,
  msgID: string,
): Promise<PublishedMessage> {
  const options = { msgID, headers, expect: { streamName: to.stream } };
  try {
    return await access.run(PUBLISH_TIMEOUT_MS, async ({ js, connection }, timeout) => {
      try {
        const { seq, duplicate } = await js.publish(to.subject, body, { ...options, timeout });
        return { id: idOf(seq), duplicate };
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        const limit = connection.info?.max_payload;
        const reason = `the NATS server takes at most ${limit} bytes with headers (max_payload)`;
        throw new MessageTooLargeError(queue, body.length, limit === undefined ? reasonOf(error) : reason);
      }
    });
  } catch (error) {
    if (isStorageFull(error)) throw new StoreWriteError(`stream ${to.stream}`, error);
    throw error;
  }
}

/** The server knows ids by stream; ours are a queue's own. */
function messageId(queue: string, deduplicationId: string): string {
  const isPlain = PLAIN_ID.test(deduplicationId);
  const id = isPlain ? deduplicationId : createHash("sha256").update(deduplicationId).digest("base64url");
  return `${queue}:${id}`;
}
