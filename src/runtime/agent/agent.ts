import { type InvocationError } from "../../link/messages";
import { type InstanceStart } from "../instanceConfig";
import { GatewayLink } from "../link/gatewayLink";
import { type LinkInvocation } from "../link/linkInvocation";
import { InvalidBodyError } from "../request/body";
import { RequestBuilder, type RequestFields } from "../request/request";
import { type Answer, answerOf, failureAnswer, InvalidAnswerError, reportedError, tooLarge } from "./answer";
import { agencyHeaders } from "./credentials";
import { bootstrapEnvironment } from "./environment";
import { EventBuilder, type RuntimeEvent } from "./event";
import { EventExchange } from "./exchange";
import { type ApiReply, RuntimeApi } from "./runtimeApi";
import { Supervisor } from "./supervisor";

/** Room in a response's body for Base64, escapes and headers around what goes to the caller. */
const RESPONSE_OVERHEAD = { factor: 2, bytes: 64 * 1024 };
/** Time that a bootstrap has to answer after the timeout of an event, when its instance is to end. */
const TIMEOUT_GRACE_MS = 500;

const OK: ApiReply = { status: 200 };

/** Runs a custom runtime: one bootstrap, to which it speaks HTTP, and a link to the gateway. */
export class Agent {
  private readonly requests: RequestBuilder;
  private readonly builder: EventBuilder;
  private readonly exchange: EventExchange;
  private readonly link: GatewayLink;
  private readonly api: RuntimeApi;
  private supervisor: Supervisor | undefined;
  /** Why the bootstrap cannot run; answers every invocation until it does. */
  private failure: InvocationError | undefined;
  /** Invocations that the gateway may not send yet, since the bootstrap is not up. */
  private owedCredits: number;
  private leaving = false;
  private drained = false;
  private ending = false;
  private overdueTimer: NodeJS.Timeout | undefined;

  constructor(private readonly start: InstanceStart) {
    const { config, token, params } = start;
    this.requests = new RequestBuilder(config, params);
    this.builder = new EventBuilder(config, agencyHeaders(config.agencyFile));
    this.exchange = new EventExchange(config.concurrency);
    this.owedCredits = config.concurrency;
    const maxBodyBytes = config.responseBytes * RESPONSE_OVERHEAD.factor + RESPONSE_OVERHEAD.bytes;
    this.api = new RuntimeApi(this.exchange, maxBodyBytes, {
      onPoll: () => this.supervisor?.polled(),
      onResponse: (requestId, body) => this.onResponse(requestId, body),
      onError: (requestId, body) => this.onError(requestId, body),
      onInitError: (body) => this.onInitError(body),
    });
    const hello = { function: config.function, version: config.version, instance: start.instance, token };
    this.link = new GatewayLink(config.gateway!, hello, {
      onInvocation: (invocation) => this.run(invocation),
      onDrain: () => {
        this.drained = true;
        this.leave();
      },
      onClose: () => {
        this.supervisor?.kill();
        process.exit(this.ending ? 0 : 1);
      },
    });
  }

  begin(): void {
    process.on("SIGTERM", () => this.leave());
    this.api.listen((address) => {
      const { config } = this.start;
      this.supervisor = new Supervisor(config, bootstrapEnvironment(config, address), {
        onLine: (stream, line) => this.log(stream === "stdout" ? "info" : "warn", line),
        onReady: () => {
          this.failure = undefined;
          this.giveCredits();
        },
        onDown: (reason, failure) => this.onDown(reason, failure),
        onEnded: () => this.link.finish(),
        onNote: (level, message) => this.link.log(level, message),
      });
      this.supervisor.start();
    });
  }

  private run(invocation: LinkInvocation): void {
    if (this.failure !== undefined) return this.finish(invocation, failureAnswer(this.failure, idOf(invocation)));
    if (this.supervisor?.isReady !== true) return this.decline(invocation);
    this.requests.with(
      invocation,
      (request) => this.offer(invocation, request),
      (error) => this.refuse(invocation, error),
    );
  }

  private offer(invocation: LinkInvocation, request: RequestFields): void {
    const event = this.builder.build(invocation, request);
    this.exchange.add(event);
    if (!this.exchange.isWaiting(event)) return;
    // nobody waits for it any more, and the bootstrap has not seen it
    invocation.onCancel = () => {
      if (this.exchange.isWaiting(event)) this.settle(event, undefined);
    };
  }

  /** The request never becomes an event: its body is not what its headers say. */
  private refuse(invocation: LinkInvocation, error: unknown): void {
    const { name, message } = error as Error;
    const failure = { errorType: name, errorMessage: message };
    this.finish(invocation, failureAnswer(failure, idOf(invocation), error instanceof InvalidBodyError ? 400 : 500));
  }

  private onResponse(requestId: string, body: Buffer | undefined): ApiReply {
    const event = this.exchange.find(requestId);
    if (event === undefined) return unknown(requestId);
    const { responseBytes } = this.start.config;
    this.supervisor?.answered();
    try {
      if (body === undefined) throw tooLarge("is much longer", responseBytes);
      this.settle(event, answerOf(body, responseBytes));
      return OK;
    } catch (error) {
      if (!(error instanceof InvalidAnswerError)) throw error;
      event.invocation.log("error", error.message);
      const failure = { errorType: error.name, errorMessage: error.message };
      this.settle(event, failureAnswer(failure, requestId, 502));
      return { status: error.name === "ResponseTooLarge" ? 413 : 400, message: error.message };
    }
  }

  private onError(requestId: string, body: Buffer | undefined): ApiReply {
    const event = this.exchange.find(requestId);
    if (event === undefined) return unknown(requestId);
    this.supervisor?.answered();
    const failure = reportedError(body ?? Buffer.alloc(0));
    event.invocation.log("error", `${failure.errorType}: ${failure.errorMessage}`);
    this.settle(event, failureAnswer(failure, requestId));
    return body === undefined ? { status: 413, message: "the error report is too long" } : OK;
  }

  private onInitError(body: Buffer | undefined): ApiReply {
    if (this.supervisor?.isReady === true)
      return { status: 409, message: "initialisation has ended with the first request for an event" };
    this.supervisor?.initFailed(reportedError(body ?? Buffer.alloc(0)));
    return OK;
  }

  private onDown(reason: InvocationError, failure: InvocationError | undefined): void {
    for (const event of this.exchange.takeWaiting()) this.decline(event.invocation);
    for (const event of this.exchange.running) this.settle(event, failureAnswer(reason, event.requestId));
    if (failure === undefined) return;
    this.failure = failure;
    this.link.initFailed(failure);
    this.giveCredits();
  }

  /** An event has its answer, or needs none. */
  private settle(event: RuntimeEvent, answer: Answer | undefined): void {
    this.exchange.remove(event);
    // what the bootstrap wrote before it answered is still to be read, and belongs to this invocation
    setImmediate(() => this.finish(event.invocation, answer));
  }

  private finish(invocation: LinkInvocation, answer: Answer | undefined): void {
    if (answer !== undefined) invocation.answer(answer.head, answer.body);
    invocation.done();
    this.exitWhenIdle();
  }

  /** The gateway offers it to another instance, or again to this one once the bootstrap is up. */
  private decline(invocation: LinkInvocation): void {
    invocation.decline();
    this.owedCredits += 1;
    this.exitWhenIdle();
  }

  private giveCredits(): void {
    if (this.leaving || this.owedCredits === 0) return;
    this.link.credit(this.owedCredits);
    this.owedCredits = 0;
  }

  /** A line of output belongs to the invocation that runs, where it can only be that one. */
  private log(level: "info" | "warn", line: string): void {
    const event = this.exchange.only;
    if (event === undefined) this.link.log(level, line);
    else event.invocation.log(level, line);
  }

  private leave(): void {
    if (!this.leaving) {
      this.leaving = true;
      this.link.draining();
    }
    this.exitWhenIdle();
  }

  /** Only once the gateway has said that nothing more is under way; else an invocation could meet a closed link. */
  private exitWhenIdle(): void {
    if (!this.drained || this.ending) return;
    if (this.link.invocations.size === 0 && this.link.arriving === 0) return this.exit();
    this.giveUpOverdue();
  }

  /** A bootstrap cannot be told to stop: what runs past its timeout ends with the instance. */
  private giveUpOverdue(): void {
    const due = Math.max(0, ...this.exchange.running.map((event) => event.deadline)) + TIMEOUT_GRACE_MS;
    this.overdueTimer ??= setTimeout(() => {
      this.overdueTimer = undefined;
      const overdue = this.exchange.running;
      if (overdue.some((event) => event.deadline > performance.now())) return this.giveUpOverdue();
      if (this.ending || overdue.length === 0) return;
      const message = `the bootstrap went on past the timeout of ${this.start.config.timeoutSeconds} s; it cannot be told to stop, so its instance is ended`;
      for (const event of overdue) {
        event.invocation.log("warn", message);
        this.settle(event, failureAnswer({ errorType: "Timeout", errorMessage: message }, event.requestId, 504));
      }
      this.supervisor?.kill();
    }, due - performance.now());
  }

  private exit(): void {
    this.ending = true;
    if (this.supervisor === undefined) this.link.finish();
    else this.supervisor.end();
  }
}

function idOf(invocation: LinkInvocation): string {
  return invocation.head.requestId;
}

function unknown(requestId: string): ApiReply {
  return { status: 404, message: `there is no event ${requestId} that waits for an answer` };
}
