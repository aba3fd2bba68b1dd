import { limits } from "../../spec";

/**
 * Ends the process in order: when it is asked to, and when something failed that nobody expected. Such a failure is
 * seldom one of the requests that are open, and those that come are for the others.
 */
export function leaveInOrder(leave: () => Promise<void>, note: (level: "error", message: string) => void): void {
  let leaving = false;
  const end = (exitCode: number) => {
    if (leaving) return;
    leaving = true;
    // after a failure nobody else ends a gateway that cannot leave either
    setTimeout(() => process.exit(1), limits.LONGEST_LEAVE_SECONDS * 1_000).unref();
    void leave()
      .catch((error: unknown) => note("error", `the gateway could not end in order: ${String(error)}`))
      .finally(() => process.exit(exitCode));
  };
  const failed = (error: unknown) => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    note("error", `the gateway leaves and starts anew, because of an unexpected failure: ${reason}`);
    end(1);
  };
  // a log that nobody takes is no reason to leave, and to say so there would be the next failure
  process.stdout.on("error", () => undefined);
  process.on("SIGTERM", () => end(0));
  process.on("SIGINT", () => end(0));
  process.on("unhandledRejection", failed);
  process.on("uncaughtException", failed);
}
