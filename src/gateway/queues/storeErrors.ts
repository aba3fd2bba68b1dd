import { MAX_MESSAGE_BYTES } from "../../spec/limits";

/** The body is over `MAX_MESSAGE_BYTES`. */
export class MessageTooLargeError extends Error {
  override readonly name = "MessageTooLargeError";
  constructor(
    readonly queue: string,
    readonly bytes: number,
  ) {
    super(
      `queue "${queue}": the message has ${bytes} bytes; at most ${MAX_MESSAGE_BYTES} are allowed. ` +
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
