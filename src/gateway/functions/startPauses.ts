/** Pause after a message found that its function cannot be started; doubles with each further one. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 15_000;

interface Pause {
  failures: number;
  /** Undefined while it is tried whether the function can be started again. */
  timer: NodeJS.Timeout | undefined;
}

/** Functions that cannot be started: their messages do not count as delivered, so they stay where they are for a while. */
export class StartPauses {
  private readonly pauses = new Map<string, Pause>();

  constructor(
    /** A message may find out whether the function can be started. */
    private readonly onOver: (functionName: string) => void,
  ) {}

  /** Nothing is to be delivered. */
  isPaused(functionName: string): boolean {
    return this.pauses.get(functionName)?.timer !== undefined;
  }

  /** The last try has failed. */
  isFailing(functionName: string): boolean {
    return this.pauses.has(functionName);
  }

  failed(functionName: string): void {
    const pause = this.pauses.get(functionName) ?? { failures: 0, timer: undefined };
    // one of several that were delivered together
    if (pause.timer !== undefined) return;
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** pause.failures, MAX_PAUSE_MS);
    pause.failures++;
    pause.timer = setTimeout(() => {
      pause.timer = undefined;
      this.onOver(functionName);
    }, ms);
    this.pauses.set(functionName, pause);
  }

  /** The function runs, or there is reason to think that it would. */
  end(functionName: string): void {
    clearTimeout(this.pauses.get(functionName)?.timer);
    this.pauses.delete(functionName);
  }

  endAll(): void {
    for (const functionName of [...this.pauses.keys()]) this.end(functionName);
  }
}
