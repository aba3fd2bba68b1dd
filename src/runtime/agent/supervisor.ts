import { type InvocationError } from "../../link/messages";
import { BootstrapError, checkBootstrap } from "./bootstrapFile";
import { type BootstrapOptions, BootstrapProcess } from "./bootstrapProcess";

/** Pause before a bootstrap that has failed is started again; doubles with each further failure in a row. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 15_000;
/**
 * Exits in a row, without an answer between them, from which on a bootstrap counts as one that cannot run: until then an
 * invocation that comes meanwhile is held for the next start, from then on it is answered with the reason.
 */
const CRASH_LOOP_EXITS = 3;
/** Time that a bootstrap has to end by itself after SIGTERM. */
const EXIT_GRACE_MS = 2_000;
/** Time that a bootstrap has to end by itself after it has reported that its initialisation failed. */
const INIT_ERROR_GRACE_MS = 1_000;

export interface SupervisorEvents {
  onLine(stream: "stdout" | "stderr", line: string): void;
  /** The bootstrap asks for events, for the first time since it was started. */
  onReady(): void;
  /**
   * The bootstrap has ended, or could not be started.
   *
   * @param reason - For what it was running.
   * @param failure - Set when it cannot be expected to run the next time; for what comes until it does.
   */
  onDown(reason: InvocationError, failure: InvocationError | undefined): void;
  /** The bootstrap has ended as it was told to. */
  onEnded(): void;
  onNote(level: "info" | "warn" | "error", message: string): void;
}

/** Keeps one bootstrap running: starts it, notices that it does not come up, starts it again. */
export class Supervisor {
  private process: BootstrapProcess | undefined;
  private ready = false;
  private ending = false;
  /** Exits and failed starts in a row without an answer. */
  private failures = 0;
  private initTimer: NodeJS.Timeout | undefined;
  private restartTimer: NodeJS.Timeout | undefined;
  /** Why it is being ended, where that says more than how it ended. */
  private reason: InvocationError | undefined;

  constructor(
    private readonly initSeconds: number,
    private readonly options: BootstrapOptions,
    private readonly events: SupervisorEvents,
  ) {}

  get isReady(): boolean {
    return this.ready;
  }

  start(): void {
    try {
      this.process = new BootstrapProcess(checkBootstrap(this.options.folder), this.options, {
        onLine: (stream, line) => this.events.onLine(stream, line),
        onExit: (description, code) => this.onExit(description, code),
      });
    } catch (error) {
      const { name, message } = error as Error;
      return this.down(
        error instanceof BootstrapError
          ? { errorType: name, errorMessage: message }
          : { errorType: "InitFailed", errorMessage: `the bootstrap could not be started: ${message}` },
      );
    }
    this.initTimer = setTimeout(() => this.onInitTimeout(), this.initSeconds * 1000);
  }

  /** The bootstrap has asked for an event. */
  polled(): void {
    if (this.ready || this.reason !== undefined) return;
    this.ready = true;
    clearTimeout(this.initTimer);
    this.events.onReady();
  }

  /** The bootstrap has answered an event: whatever went wrong before, it works. */
  answered(): void {
    this.failures = 0;
  }

  /** The bootstrap says that its initialisation failed. */
  initFailed(error: InvocationError): void {
    this.endFor({ errorType: error.errorType, errorMessage: error.errorMessage }, INIT_ERROR_GRACE_MS);
  }

  /** Ends the bootstrap, and does not start it again. */
  end(): void {
    this.startNoMore();
    if (this.process === undefined) return this.events.onEnded();
    this.process.end(EXIT_GRACE_MS, () =>
      this.events.onNote(
        "warn",
        `the bootstrap did not end within ${EXIT_GRACE_MS / 1000} s after SIGTERM and is ended by SIGKILL`,
      ),
    );
  }

  /** Ends the bootstrap at once, and does not start it again. */
  stop(): void {
    this.startNoMore();
    if (this.process === undefined) return this.events.onEnded();
    this.process.kill();
  }

  /** Ends the bootstrap at once. */
  kill(): void {
    this.process?.kill();
  }

  private startNoMore(): void {
    this.ending = true;
    clearTimeout(this.initTimer);
    clearTimeout(this.restartTimer);
  }

  private onInitTimeout(): void {
    const { initSeconds } = this;
    const errorMessage = `the bootstrap did not ask for an event within ${initSeconds} s after its start; it has to loop over GET http://$RUNTIME_API_ADDR/v1/runtime/invocation/request`;
    this.endFor({ errorType: "InitTimeout", errorMessage }, 0);
  }

  private endFor(reason: InvocationError, graceMs: number): void {
    if (this.reason !== undefined || this.process === undefined) return;
    this.reason = reason;
    clearTimeout(this.initTimer);
    const { process } = this;
    // one that has said why may be about to exit by itself
    this.initTimer = setTimeout(() => process.kill(), graceMs);
  }

  private onExit(description: string, code: number | null): void {
    const { ready, reason } = this;
    this.process = undefined;
    this.ready = false;
    this.reason = undefined;
    clearTimeout(this.initTimer);
    if (this.ending) return this.events.onEnded();
    if (reason !== undefined) return this.down(reason);
    if (!ready) {
      const advice =
        code === 0
          ? "it has to stay in the foreground and loop over the runtime API"
          : "the function's logs have what it wrote";
      return this.down({
        errorType: "InitFailed",
        errorMessage: `the bootstrap ${description} before it asked for an event; ${advice}`,
      });
    }
    this.crashed(description);
  }

  /** It came up, so the next start may well do. */
  private crashed(description: string): void {
    this.failures += 1;
    const exited = {
      errorType: "BootstrapExited",
      errorMessage: `the bootstrap ${description} while it ran this invocation; the function's logs have what it wrote`,
    };
    const looping = this.failures >= CRASH_LOOP_EXITS;
    const pause = this.scheduleRestart(this.failures - 1);
    this.events.onNote(
      looping ? "error" : "warn",
      `the bootstrap ${description}; ` +
        (looping ? `that is ${this.failures} exits in a row without an answer, ` : "") +
        `it is started again ${pause === 0 ? "now" : `in ${pause / 1000} s`}`,
    );
    this.events.onDown(
      exited,
      looping
        ? {
            errorType: "CrashLoop",
            errorMessage: `the bootstrap has exited ${this.failures} times in a row without an answer, the last time it ${description}; the function's logs have what it wrote`,
          }
        : undefined,
    );
  }

  /** It did not come up. */
  private down(failure: InvocationError): void {
    this.failures += 1;
    const pause = this.scheduleRestart(this.failures);
    const tries = this.failures === 1 ? "" : ` (${this.failures} tries in a row)`;
    this.events.onNote(
      "error",
      `${failure.errorType}: ${failure.errorMessage}${tries}; the next try is in ${pause / 1000} s`,
    );
    this.events.onDown(failure, failure);
  }

  /** @returns the pause in milliseconds. */
  private scheduleRestart(failures: number): number {
    const pause = failures === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), MAX_PAUSE_MS);
    this.restartTimer = setTimeout(() => this.start(), pause);
    return pause;
  }
}
