/** Sends a signal to a process that leads a group, and to whatever of the group there is. */
export function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  // a process that could not be started
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // nobody is left, or only what has become another user's, which is not for us to end
    if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
