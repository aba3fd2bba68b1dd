import { MAX_MESSAGE_BYTES } from "../../spec/limits";

/** The body is over `MAX_MESSAGE_BYTES`, or over a lower limit of the server that keeps the messages. */
export class MessageTooLargeError extends Error {
  override readonly name = "MessageTooLargeError";

  /** @param limit - What the limit is, in words. `@default` that of all queues */
  constructor(
    readonly queue: string,
    readonly bytes: number,
    limit = `at most ${MAX_MESSAGE_BYTES} are allowed`,
  ) {
    super(
      `queue "${queue}": the message has ${bytes} bytes; ${limit}. ` +
        "Store large data elsewhere and send a reference to it",
    );
  }
}

/** The store could not write to disk. What was accepted before is kept; what this write carried is not. */
export class StoreWriteError extends Error {
  override readonly name = "StoreWriteError";
  constructor(where: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${where}: could not write to disk (${reason}); nothing of it was accepted. Check the disk's free space`, {
      cause,
    });
  }
}

/** The store could not be reached in time, or did not answer. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";

  /** @param uncertain - The request was sent, and nobody knows whether it took effect. */
  constructor(
    readonly reason: string,
    readonly uncertain: boolean,
  ) {
    super(
      uncertain
        ? `${reason}; it is not known whether the request took effect. With the same deduplication id it can be sent again`
        : `${reason}; the request was not accepted. Try again later`,
    );
  }
}

/** Another live process, or another part of this one, has the store open. */
export class StoreInUseError extends Error {
  override readonly name = "StoreInUseError";
  constructor(
    readonly folder: string,
    readonly pid: number,
  ) {
    super(
      `${folder}: the message store is in use by ${pid === process.pid ? "this process" : `process ${pid}`}; ` +
        "only one gateway can serve a region's folder. Stop the other one first",
    );
  }
}
