/** An instance of a `local()` region that was started and has not ended. */
export interface RunningInstance {
  /** The last lines that it wrote to its error output, where those say why it ended. */
  readonly errorOutput: string;
  /** Asks the instance to end once what it runs has ended, and ends it when it has not after a while. */
  end(graceMs: number): void;
  /** Ends it at once, with all processes that belong to it. */
  kill(): void;
}

export interface RunningInstanceEvents {
  /** A line of a process' own output, past the console of the runtime. */
  onOutput(stream: "stdout" | "stderr", line: string): void;
  /** @param description - Completes "the instance …". */
  onExit(description: string): void;
}
