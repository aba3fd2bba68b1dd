import { type IncomingMessage, type ServerResponse } from "node:http";

import { limits } from "../../spec";
import { refuse } from "../endpoints/httpCaller";
import { hasBody, RequestBody } from "../endpoints/requestBody";
import { GatewayError } from "../invocations/gatewayError";
import { NO_BODY } from "../invocations/invocation";
import { guessedMediaType, isJson } from "./mediaType";
import { type MessageStore, type NewMessage, type PublishedMessage } from "./messageStore";
import { MessageTooLargeError, StoreUnavailableError, StoreWriteError } from "./storeErrors";

const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * Publishes the body of `POST /queues/:name`; answers 202 once the message is on disk.
 */
export function publishRequest(
  request: IncomingMessage,
  response: ServerResponse,
  queue: string,
  store: MessageStore,
  requestId: string,
): void {
  // a page of another site that is open in a browser on this machine must not be able to send messages
  if (request.headers["sec-fetch-site"] === "cross-site")
    throw new GatewayError(403, "CrossSite", "messages are not taken from pages of other sites");
  const fail = (error: unknown) => refuse(request, response, publishError(error), requestId, false);
  const publish = (body: Buffer) => {
    Promise.resolve()
      .then(() => publishMessage(store, queue, body, request.headers["content-type"], deduplicationId(request)))
      .then((published) => {
        const text = JSON.stringify({ id: published.id, queue, duplicate: published.duplicate });
        response.writeHead(202, ["content-type", "application/json", "x-request-id", requestId]);
        response.end(text);
      })
      .catch(fail);
  };
  if (!hasBody(request)) return publish(NO_BODY);
  new RequestBody(request, response, limits.MAX_MESSAGE_BYTES, fail).read(publish);
}

/**
 * Publishes a message with its media type found out: `curl -d` and clients that give none send JSON more often than not.
 *
 * @throws GatewayError 400 for a body that claims to be JSON and is not.
 */
export async function publishMessage(
  store: MessageStore,
  queue: string,
  body: Buffer,
  contentType: string | undefined,
  deduplicationId?: string,
): Promise<PublishedMessage> {
  const message: NewMessage = { body, contentType: mediaType(contentType, body) };
  return store.publish(queue, message, deduplicationId === undefined ? {} : { deduplicationId });
}

/** What a caller learns of a message that was not taken. */
export function publishError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof MessageTooLargeError) return new GatewayError(413, "MessageTooLarge", reason);
  if (error instanceof StoreUnavailableError) return new GatewayError(503, "StoreUnavailable", reason, 5);
  if (error instanceof StoreWriteError) return new GatewayError(507, "StoreWriteFailed", reason, 5);
  return new GatewayError(500, "PublishFailed", reason);
}

function deduplicationId(request: IncomingMessage): string | undefined {
  const id = request.headers["deduplication-id"];
  return typeof id === "string" && id !== "" ? id.slice(0, 256) : undefined;
}

function mediaType(given: string | undefined, body: Buffer): string {
  const type = given?.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "application/json" || type?.endsWith("+json") === true) {
    if (!isJson(body)) throw new GatewayError(400, "InvalidBody", "the message is not valid JSON");
    return given!;
  }
  if (type !== undefined && type !== FORM_TYPE) return given!;
  return guessedMediaType(body);
}
