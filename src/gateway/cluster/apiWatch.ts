import { type KubeConfig, Watch } from "@kubernetes/client-node";

/** Time that the API server has to answer a list, and to begin a watch. */
const ANSWER_MS = 15_000;
/** The API server ends a watch after this time; one that goes on for longer is of a server that does nothing any more. */
const WATCH_SECONDS = 300;
const OVERDUE_MS = (WATCH_SECONDS + 30) * 1_000;
/** A watch that has said something, or lived for this long, is one that works. */
const STEADY_MS = 3_000;

/** The same access with a deadline for each request, of which the library has none that takes effect. */
export function withDeadlines(config: KubeConfig): KubeConfig {
  return Object.assign(Object.create(config) as KubeConfig, {
    // node-fetch's `timeout` is for the head of the answer, so a watch may go on for longer
    applyToFetchOptions: async (...given: Parameters<KubeConfig["applyToFetchOptions"]>) => ({
      ...(await config.applyToFetchOptions(...given)),
      timeout: ANSWER_MS,
    }),
    applySecurityAuthentication: async (...given: Parameters<KubeConfig["applySecurityAuthentication"]>) => {
      await config.applySecurityAuthentication(...given);
      given[0].setSignal(AbortSignal.timeout(ANSWER_MS));
    },
  });
}

/** A watch that ends by `done` whatever happens, and in time; the library's own throws at times, or waits for ever. */
export class ApiWatch extends Watch {
  private closed = false;

  /** @param onSteady - A watch works. */
  constructor(
    config: KubeConfig,
    private readonly onSteady: () => void,
  ) {
    super(config);
  }

  override async watch(...[path, query, onEvent, done]: Parameters<Watch["watch"]>): Promise<AbortController> {
    let steady = false;
    let ended = false;
    let failure: Error | undefined;
    let steadyTimer: NodeJS.Timeout | undefined;
    let overdueTimer: NodeJS.Timeout | undefined;
    const works = () => {
      if (steady || ended) return;
      steady = true;
      this.onSteady();
    };
    const end = (error: unknown) => {
      if (ended) return;
      ended = true;
      clearTimeout(steadyTimer);
      clearTimeout(overdueTimer);
      // after an ordinary end the next watch is begun without a pause, which must not go on and on
      done(failure ?? error ?? (steady ? null : new Error("the API server ended the watch at once")));
    };
    try {
      const onAnyEvent: typeof onEvent = (phase, object, event) => {
        if (phase === "ERROR") failure = new Error(messageOf(object));
        else works();
        onEvent(phase, object, event);
      };
      const controller = await super.watch(path, { ...query, timeoutSeconds: WATCH_SECONDS }, onAnyEvent, end);
      if (this.closed) controller.abort();
      if (ended) return controller;
      steadyTimer = setTimeout(works, STEADY_MS).unref();
      overdueTimer = setTimeout(() => {
        failure = new Error("the API server did not end the watch in time");
        controller.abort();
      }, OVERDUE_MS).unref();
      return controller;
    } catch (error) {
      // as when the certificate of the API server cannot be read: the library reads it anew each time
      end(error);
      return new AbortController();
    }
  }

  /** A watch that is just beginning ends as soon as it has begun. */
  close(): void {
    this.closed = true;
  }
}

/** Of the `Status` that an `ERROR` event brings. */
function messageOf(status: unknown): string {
  return (status as { message?: string } | null)?.message ?? "the watch failed";
}
