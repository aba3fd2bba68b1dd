/**
 * Resolves at the first SIGINT or SIGTERM; a second one ends the process at once.
 *
 * @param onFirst - Says that the process is ending.
 */
export function untilStopped(onFirst: () => void): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
      asked = true;
      onFirst();
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
