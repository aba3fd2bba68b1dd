import { AsyncLocalStorage } from "node:async_hooks";

import { type AnswerHead, type InvocationError } from "../../link/messages";
import { JSON_HEADERS } from "../answerHeaders";
import { type InstanceStart } from "../instanceConfig";
import { GatewayLinks } from "../link/gatewayLinks";
import { type LinkInvocation } from "../link/linkInvocation";
import { serveProbes } from "../probes";
import { InvalidBodyError } from "../request/body";
import { HandlerRequest } from "../request/handlerRequest";
import { RequestBuilder, type RequestFields } from "../request/request";
import { captureConsole, cut, describeThrown } from "./consoleCapture";
import { type HandlerFunction, InitTimeoutError, loadHandler, loadErrorMessage } from "./loadHandler";
import { Response } from "./response";

/**
 * How long an instance whose code does not load goes on answering with the reason: callers get it at once, and the code
 * is tried anew once a second, not once a request.
 */
const BROKEN_LIFETIME_MS = 1_000;
/** In a pod for longer: the pause before a container is started again grows with each end that follows soon. */
const BROKEN_LIFETIME_IN_POD_MS = 10 * 60_000;

/** Unwinds the stack of a handler that called `process.exit`. Nobody sees it. */
class ProcessExitSignal extends Error {}

/** Runs a Node.js function: one process, one handler, as many invocations at a time as the function's concurrency. */
export class NodeRuntime {
  private readonly invocations = new AsyncLocalStorage<LinkInvocation>();
  private readonly requests: RequestBuilder;
  private readonly links: GatewayLinks;
  private readonly exit = process.exit.bind(process);
  private handler: HandlerFunction | undefined;
  /** Why the code did not load; answers every invocation. */
  private initFailure: InvocationError | undefined;
  private leaving = false;
  private notedUnsent = false;
  private exitCode = 0;

  constructor(private readonly start: InstanceStart) {
    this.requests = new RequestBuilder(start.config, start.params);
    this.links = new GatewayLinks(start, {
      onInvocation: (invocation) => this.run(invocation),
      onLeave: (exitCode) => this.leave(exitCode),
      onSettled: () => this.exitWhenSettled(),
      onEnd: () => this.exit(this.exitCode),
    });
  }

  async begin(): Promise<void> {
    const { config } = this.start;
    captureConsole(this.invocations, (level, message) => this.links.log(level, message));
    this.interceptExit();
    process.on("uncaughtException", (error) => this.onUncaught(error, "an error that nothing caught"));
    process.on("unhandledRejection", (reason) => this.onUncaught(reason, "a promise rejection that nothing handled"));
    process.on("SIGTERM", () => this.leave(0));
    if (config.cluster !== undefined)
      serveProbes(config.cluster.probePort, {
        notReady: () => this.notReady(),
        onProblem: (message) => this.links.log("error", message),
      });
    const tooLate = setTimeout(() => this.broken(new InitTimeoutError(config.initSeconds)), config.initSeconds * 1000);
    try {
      this.handler = await loadHandler(config.codeFolder, config.entrypoint, config.entrypointSource);
    } catch (error) {
      if (!this.leaving) this.broken(error);
      return;
    } finally {
      clearTimeout(tooLate);
    }
    if (this.initFailure === undefined) this.links.open();
  }

  private run(invocation: LinkInvocation): void {
    this.invocations.run(invocation, () =>
      this.requests.with(
        invocation,
        (request) => this.handle(invocation, request),
        (error) => this.refuse(invocation, error),
      ),
    );
  }

  private handle(invocation: LinkInvocation, request: RequestFields): void {
    // a multipart body takes a while to read, and its caller may have gone meanwhile
    if (invocation.cancelled) return this.done(invocation);
    if (this.initFailure !== undefined) {
      this.answerError(invocation, 500, this.initFailure, { nothingRan: true });
      return this.done(invocation);
    }
    try {
      const result = this.handler!(
        new HandlerRequest(request, invocation),
        new Response(invocation, this.start.config.responseBytes),
      );
      if (isThenable(result))
        result.then(
          (value) => this.finish(invocation, value),
          (error: unknown) => this.fail(invocation, error),
        );
      else this.finish(invocation, result);
    } catch (error) {
      this.fail(invocation, error);
    }
  }

  private finish(invocation: LinkInvocation, returned: unknown): void {
    if (!invocation.answered) {
      if (returned !== undefined && invocation.head.http !== undefined) this.noteUnsent(invocation);
      invocation.answer({ status: 204, headers: [] }, undefined);
    }
    invocation.whenStreamed(() => this.done(invocation));
  }

  /** Once: handlers of other platforms answer with what they return. */
  private noteUnsent(invocation: LinkInvocation): void {
    if (this.notedUnsent) return;
    this.notedUnsent = true;
    invocation.log(
      "warn",
      "the handler returned a value and did not answer, so the caller gets an empty 204; answer with res.json(…) or res.send(…)",
    );
  }

  private fail(invocation: LinkInvocation, thrown: unknown): void {
    if (!(thrown instanceof ProcessExitSignal)) {
      invocation.log("error", describeThrown(thrown));
      this.answerError(invocation, 500, errorOf(thrown));
    }
    this.done(invocation);
  }

  /** The request never reaches the handler: its body is not what its headers say. */
  private refuse(invocation: LinkInvocation, error: unknown): void {
    if (!(error instanceof InvalidBodyError)) return this.fail(invocation, error);
    this.answerError(invocation, 400, errorOf(error));
    this.done(invocation);
  }

  private done(invocation: LinkInvocation): void {
    invocation.done();
    this.exitWhenSettled();
  }

  private answerError(
    invocation: LinkInvocation,
    status: number,
    failure: InvocationError,
    more: Pick<AnswerHead, "nothingRan"> = {},
  ): void {
    if (invocation.answered) return;
    const body = JSON.stringify({ ...failure, requestId: invocation.head.requestId });
    invocation.answer({ status, headers: JSON_HEADERS, failure, ...more }, body);
  }

  /** Answers every invocation with the reason for a while, then makes room for another try. */
  private broken(error: unknown): void {
    if (this.initFailure !== undefined) return;
    this.initFailure = { ...errorOf(error), errorMessage: loadErrorMessage(error, this.start.config.codeFolder) };
    this.links.initFailed(this.initFailure);
    this.links.log("error", describeThrown(error));
    const inPod = this.start.config.cluster !== undefined;
    setTimeout(() => this.leave(1), inPod ? BROKEN_LIFETIME_IN_POD_MS : BROKEN_LIFETIME_MS);
  }

  /**
   * An error that reached the process belongs to the invocation in whose asynchronous context it arose. The process is
   * not trusted any more, so it takes no new work; its other invocations are finished.
   */
  private onUncaught(thrown: unknown, what: string): void {
    if (thrown instanceof ProcessExitSignal) return;
    const invocation = this.invocations.getStore() ?? this.links.only;
    if (invocation === undefined) {
      this.links.log("error", `${what}, outside of any invocation: ${describeThrown(thrown)}`);
    } else {
      invocation.log("error", `${what}: ${describeThrown(thrown)}`);
      this.answerError(invocation, 500, errorOf(thrown));
      invocation.done();
    }
    if (this.handler === undefined) this.broken(thrown);
    else this.leave(1);
  }

  private interceptExit(): void {
    process.exit = (code?: number | string | null): never => {
      const invocation = this.invocations.getStore();
      const message = `the code called process.exit(${code ?? ""}); a function answers and returns, its instance is ended by the platform`;
      if (invocation !== undefined) {
        invocation.log("error", message);
        this.answerError(invocation, 500, { errorType: "ProcessExit", errorMessage: message });
        invocation.done();
        this.leave(1);
      } else if (this.handler === undefined) {
        this.broken(Object.assign(new Error(message), { name: "ProcessExit" }));
      } else {
        this.links.log("error", message);
        this.leave(1);
      }
      throw new ProcessExitSignal(message);
    };
  }

  private leave(exitCode: number): void {
    this.exitCode ||= exitCode;
    this.leaving = true;
    this.links.leave();
    this.exitWhenSettled();
  }

  /** Only once gateways have said that nothing more is under way; else an invocation could meet a closed link. */
  private exitWhenSettled(): void {
    if (this.leaving && this.links.isSettled) this.links.finish();
  }

  /** Why this is no instance that counts, if it is none. */
  private notReady(): string | undefined {
    if (this.leaving) return "the instance is about to end";
    if (this.handler === undefined && this.initFailure === undefined) return "the code is not loaded yet";
    return this.links.isLinked ? undefined : "no gateway is linked";
  }
}

function errorOf(thrown: unknown): InvocationError {
  if (thrown instanceof Error)
    return { errorType: cut(String(thrown.name || "Error")), errorMessage: cut(String(thrown.message)) };
  return { errorType: "Error", errorMessage: typeof thrown === "string" ? cut(thrown) : "the handler threw no Error" };
}

/** Promises of other realms and libraries are promises too. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
