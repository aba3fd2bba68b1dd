import { JetStreamApiError } from "@nats-io/jetstream";
import { jserrors } from "@nats-io/jetstream/internal";
import { errors } from "@nats-io/transport-node";

/** Codes of the server's errors (its errors.json). */
const STREAM_NAME_IN_USE = 10058;
const CONSUMER_NAME_IN_USE = 10013;
const CONSUMER_EXISTS = 10148;
const INSUFFICIENT_STORAGE = 10047;
const STORE_FAILED = 10077;
const MESSAGE_TOO_LARGE = 10054;
const WRONG_LAST_SEQUENCE = [10071, 10164];
const DELETE_FAILED = 10057;
/** The first request with this message id has not been decided yet. */
const DUPLICATE_IN_PROCESS = 10158;
/** Status of errors that pass: no leader yet, a server that starts. */
const TEMPORARY = 503;

/** The connection went down before there was an answer. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
  constructor() {
    super("the connection was lost before there was an answer");
  }
}

/** Says whether the same request can be expected to succeed some time later. */
export function isTemporary(error: unknown): boolean {
  if (isStorageFull(error)) return false;
  if (error instanceof JetStreamApiError && error.status === TEMPORARY) return true;
  return mayHaveTakenEffect(error) || hasNoResponder(error) || isMissing(error) || error instanceof errors.RequestError;
}

/** Says whether the server may have done what it was asked in spite of the error. */
export function mayHaveTakenEffect(error: unknown): boolean {
  if (error instanceof ConnectionLostError || error instanceof errors.TimeoutError) return true;
  if (hasCode(error, DUPLICATE_IN_PROCESS)) return true;
  if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError) return true;
  return error instanceof errors.RequestError && !error.isNoResponders() && !isRefused(error);
}

/** Nobody serves the request: a stream or consumer is missing, or JetStream is starting. */
export function hasNoResponder(error: unknown): boolean {
  if (error instanceof jserrors.JetStreamNotEnabled) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}

/** A stream or consumer is gone. */
export function isMissing(error: unknown): boolean {
  return error instanceof jserrors.StreamNotFoundError || error instanceof jserrors.ConsumerNotFoundError;
}

export function isStreamMissing(error: unknown): boolean {
  return error instanceof jserrors.StreamNotFoundError;
}

/** There is a stream or consumer of that name with another configuration. */
export function isNameInUse(error: unknown): boolean {
  return hasCode(error, STREAM_NAME_IN_USE, CONSUMER_NAME_IN_USE, CONSUMER_EXISTS);
}

/** The server has no room left. */
export function isStorageFull(error: unknown): boolean {
  return hasCode(error, INSUFFICIENT_STORAGE, STORE_FAILED);
}

/** The server or the stream takes no message that large. */
export function isTooLarge(error: unknown): boolean {
  const byLibrary = error instanceof errors.InvalidArgumentError && error.message.includes("max_payload");
  return byLibrary || hasCode(error, MESSAGE_TOO_LARGE);
}

/** Somebody else wrote the value first. */
export function isConflict(error: unknown): boolean {
  return hasCode(error, ...WRONG_LAST_SEQUENCE);
}

/** The server did not delete a message, for whatever reason: mostly since it is not there. */
export function isDeleteFailure(error: unknown): boolean {
  return hasCode(error, DELETE_FAILED);
}

export function reasonOf(error: unknown): string {
  if (hasNoResponder(error)) return "JetStream does not answer: it is starting, or not enabled";
  if (error instanceof errors.TimeoutError) return "JetStream did not answer in time";
  return error instanceof Error ? error.message : String(error);
}

function isRefused(error: Error): boolean {
  return error.cause instanceof errors.PermissionViolationError;
}

function hasCode(error: unknown, ...codes: number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}
