import { limits } from "../../spec";

/** A gateway that failed and cannot leave either ends after this time: the longest that a request may take, and to spare. */
const LONGEST_LEAVE_MS = (limits.MAX_TIMEOUT_SECONDS + 60) * 1_000;

/**
 * Ends the process in order: when it is asked to, and when something failed that nobody expected. Such a failure is
 * seldom one of the requests that are open, and those that come are for the others.
 */
export function leaveInOrder(leave: () => Promise<void>, note: (level: "error", message: string) => void): void {
  let leaving = false;
  const end = (exitCode: number) => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(1), LONGEST_LEAVE_MS).unref();
    void leave()
      .catch((error: unknown) => note("error", `the gateway could not end in order: ${String(error)}`))
      .finally(() => process.exit(exitCode));
  };
  const failed = (error: unknown) => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    note("error", `the gateway leaves and starts anew, because of an unexpected failure: ${reason}`);
    end(1);
  };
  process.on("SIGTERM", () => end(0));
  process.on("SIGINT", () => end(0));
  process.on("unhandledRejection", failed);
  process.on("uncaughtException", failed);
}
