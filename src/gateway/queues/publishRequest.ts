import { type IncomingMessage } from "node:http";

import { limits } from "../../spec";
import { refuseCrossSite } from "../endpoints/crossSite";
import { type MessageArrival } from "../endpoints/endpointServer";
import { HttpCaller } from "../endpoints/httpCaller";
import { hasBody, RequestBody } from "../endpoints/requestBody";
import { GatewayError } from "../invocations/gatewayError";
import { NO_BODY } from "../invocations/invocation";
import { guessedMediaType, isJson } from "./mediaType";
import { type MessageStore, type NewMessage, type PublishedMessage } from "./messageStore";
import { type PublishBudget } from "./publishBudget";
import { MessageTooLargeError, StoreUnavailableError, StoreWriteError } from "./storeErrors";

const STORE_WRITE_FAILED = "StoreWriteFailed";
const FORM_TYPE = "application/x-www-form-urlencoded";

/** How messages are taken. */
export interface PublishOptions {
  store: MessageStore;
  /** Shared by all messages that come to a gateway. */
  budget: PublishBudget;
  /** Told the status of a message that is refused while its body is read, or after. */
  onRefused?: (status: number) => void;
  /** Told what the gateway's log should say of its store, which is nothing that senders have to know. */
  onProblem: (message: string) => void;
}

/**
 * Publishes the body of `POST /queues/:name`; answers 202 once the message is on disk.
 *
 * @throws GatewayError for a message that is not taken, before anything of it is read.
 */
export function publishRequest(arrival: MessageArrival, { store, budget, onRefused, onProblem }: PublishOptions): void {
  const { request, response, requestId, queue, isClosing } = arrival;
  refuseCrossSite(request, "messages");
  const deduplicationId = deduplicationIdOf(request);
  const caller = new HttpCaller(request, response, requestId, isClosing);
  const refuse = (error: GatewayError) => {
    onRefused?.(error.status);
    caller.fail(error);
  };
  const publish = async (body: Buffer) => {
    try {
      const { headers } = request;
      const { id, duplicate } = await publishMessage(store, queue, body, headers["content-type"], deduplicationId);
      const text = JSON.stringify({ id, queue, duplicate });
      caller.answer({ status: 202, headers: ["content-type", "application/json"] }, Buffer.from(text));
    } catch (error) {
      if (error instanceof StoreWriteError) {
        onProblem(error.message);
        refuse(
          new GatewayError(507, STORE_WRITE_FAILED, "the gateway could not write to disk; nothing was accepted", 5),
        );
      } else refuse(publishError(error));
    }
  };
  if (!hasBody(request)) return void publish(NO_BODY);
  let isWhole = false;
  const body = new RequestBody(request, response, limits.MAX_MESSAGE_BYTES, (error) => {
    share.release();
    refuse(error);
  });
  const share = budget.share(body.declaredBytes);
  response.once("close", () => {
    if (!isWhole) share.release();
  });
  body.read(
    (message) => {
      isWhole = true;
      void publish(message).finally(() => share.release());
    },
    (bytes) => share.grow(bytes),
  );
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

/** What whoever may see the region's own files learns of a message that was not taken. */
export function publishError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof MessageTooLargeError) return new GatewayError(413, "MessageTooLarge", reason);
  if (error instanceof StoreUnavailableError) return new GatewayError(503, "StoreUnavailable", reason, 5);
  if (error instanceof StoreWriteError) return new GatewayError(507, STORE_WRITE_FAILED, reason, 5);
  return new GatewayError(500, "PublishFailed", reason);
}

function deduplicationIdOf(request: IncomingMessage): string | undefined {
  const id = request.headers["deduplication-id"];
  if (typeof id !== "string" || id === "") return undefined;
  // a cut one could be the beginning of another message's as well, which would then be dropped
  if (id.length > limits.MAX_DEDUPLICATION_ID_LENGTH)
    throw new GatewayError(
      400,
      "InvalidDeduplicationId",
      `deduplication-id has ${id.length} characters; at most ${limits.MAX_DEDUPLICATION_ID_LENGTH} are allowed`,
    );
  return id;
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
