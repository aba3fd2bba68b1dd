import { type Duplex } from "node:stream";

import { type InvocationError } from "../../link/messages";
import { type InstanceStart } from "../instanceConfig";
import { type OpenSocket } from "../link/gatewayLink";
import { GatewayLinks } from "../link/gatewayLinks";
import { type LinkInvocation } from "../link/linkInvocation";
import { LinkSocket } from "../../link/linkSocket";
import { serveProbes } from "../probes";
import { InvalidBodyError } from "../request/body";
import { type AgentHost } from "./agentHost";
import { type Answer, failureAnswer, reportedError, tooLarge } from "./answer";
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

/** Runs a custom runtime: one bootstrap, to which it speaks HTTP, and links to gateways. */
export class Agent {
  private readonly environment: Record<string, string>;
  private readonly builder: EventBuilder;
  private readonly exchange: EventExchange;
  private readonly links: GatewayLinks;
  private readonly api: RuntimeApi;
  private supervisor: Supervisor | undefined;
  /** Why the bootstrap cannot run; answers every invocation until it does. */
  private failure: InvocationError | undefined;
  private leaving = false;
  private ending = false;
  /** There is no gateway to work for any more. */
  private unlinked = false;
  private ended = false;
  private exitCode = 0;
  private problem: string | undefined;
  private overdueTimer: NodeJS.Timeout | undefined;

  /** @throws Error when what the function is started with cannot be read. */
  constructor(
    private readonly start: InstanceStart,
    private readonly host: AgentHost,
  ) {
    const { config } = start;
    this.environment = bootstrapEnvironment(config, host.environment);
    this.builder = new EventBuilder(config, agencyHeaders(config.agencyFile));
    this.exchange = new EventExchange(config.concurrency);
    const maxBodyBytes = config.responseBytes * RESPONSE_OVERHEAD.factor + RESPONSE_OVERHEAD.bytes;
    this.api = new RuntimeApi(this.exchange, maxBodyBytes, {
      onPoll: () => this.supervisor?.polled(),
      onResponse: (requestId, body, reply) => this.onResponse(requestId, body, reply),
      onError: (requestId, body) => this.onError(requestId, body),
      onInitError: (body) => this.onInitError(body),
      onProblem: (message) => this.links.log("error", message),
    });
    this.links = new GatewayLinks(
      start,
      {
        onInvocation: (invocation) => this.run(invocation),
        onLeave: (exitCode) => this.leave(exitCode),
        onSettled: () => this.exitWhenSettled(),
        onEnd: () => this.onUnlinked(),
      },
      host.link === undefined ? undefined : openerOf(host.link),
    );
  }

  begin(): void {
    const { config } = this.start;
    if (config.cluster !== undefined)
      serveProbes(config.cluster.probePort, {
        notReady: () => this.notReady(),
        onProblem: (message) => this.links.log("error", message),
      });
    this.api.listen(
      (address) => this.startBootstrap(address),
      (error) => {
        this.problem = `the runtime API cannot be served: ${error.message}`;
        this.links.finish();
      },
    );
  }

  private startBootstrap(address: string): void {
    const { config } = this.start;
    if (this.unlinked) return;
    const options = {
      folder: config.codeFolder,
      environment: { ...this.environment, RUNTIME_API_ADDR: address },
      memoryMiB: config.memoryMiB,
      groups: this.host.groups,
    };
    this.supervisor = new Supervisor(config.initSeconds, options, {
      onLine: (stream, line) => this.log(stream === "stdout" ? "info" : "warn", line),
      onReady: () => {
        this.failure = undefined;
        this.links.open();
      },
      onDown: (reason, failure) => this.onDown(reason, failure),
      onEnded: () => (this.unlinked ? this.finishEnd() : this.links.finish()),
      onNote: (level, message) => this.links.log(level, message),
    });
    this.supervisor.start();
  }

  /** Ends the bootstrap once what runs has ended, and then the agent. */
  leave(exitCode: number): void {
    if (this.unlinked) return;
    this.exitCode ||= exitCode;
    this.leaving = true;
    this.links.leave();
    this.exitWhenSettled();
  }

  private run(invocation: LinkInvocation): void {
    if (this.turnAway(invocation)) return;
    this.host.bodies.event(
      this.start,
      invocation,
      (json) => this.offer(invocation, json),
      (error) => this.refuse(invocation, error),
    );
  }

  private offer(invocation: LinkInvocation, json: string | Buffer): void {
    // a body may take a while to read, and things change meanwhile
    if (this.turnAway(invocation)) return;
    const event = this.builder.build(invocation, json);
    this.exchange.add(event);
    if (!this.exchange.isWaiting(event)) return;
    // nobody waits for it any more, and the bootstrap has not seen it
    invocation.onCancel = () => {
      if (this.exchange.isWaiting(event)) this.settle(event, undefined);
    };
  }

  /** Ends an invocation that the bootstrap is not to see. @returns whether it is one. */
  private turnAway(invocation: LinkInvocation): boolean {
    if (invocation.cancelled) this.finish(invocation, undefined);
    else if (this.failure !== undefined) this.finish(invocation, notRun(this.failure, idOf(invocation)));
    else if (this.supervisor?.isReady !== true) this.decline(invocation);
    else return false;
    return true;
  }

  /** The request never becomes an event: its body is not what its headers say. */
  private refuse(invocation: LinkInvocation, error: Error): void {
    const { name, message } = error;
    const failure = { errorType: name, errorMessage: message };
    this.finish(invocation, failureAnswer(failure, idOf(invocation), error instanceof InvalidBodyError ? 400 : 500));
  }

  private onResponse(requestId: string, body: Buffer | undefined, reply: (reply: ApiReply) => void): void {
    const event = this.exchange.find(requestId);
    if (event === undefined) return reply(unknown(requestId));
    const { responseBytes } = this.start.config;
    this.supervisor?.answered();
    // whatever it is, it is the answer: a second one would be one too many
    this.exchange.remove(event);
    const refuse = (error: Error) => {
      event.invocation.log("error", error.message);
      const failure = { errorType: error.name, errorMessage: error.message };
      this.settle(event, failureAnswer(failure, requestId, 502));
      reply({ status: error.name === "ResponseTooLarge" ? 413 : 400, message: error.message });
    };
    if (body === undefined) return refuse(tooLarge("is much longer", responseBytes));
    const answered = (answer: Answer) => {
      this.settle(event, answer);
      reply(OK);
    };
    this.host.bodies.answer(body, responseBytes, answered, refuse);
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
    if (failure === undefined) this.links.pause();
    for (const event of this.exchange.takeWaiting()) this.decline(event.invocation);
    for (const event of this.exchange.running) this.settle(event, failureAnswer(reason, event.requestId));
    if (failure === undefined) return;
    this.failure = failure;
    this.links.initFailed(failure);
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
    this.exitWhenSettled();
  }

  /** The gateway offers it to another instance, or again to this one once the bootstrap is up. */
  private decline(invocation: LinkInvocation): void {
    invocation.decline();
    this.exitWhenSettled();
  }

  /** A line of output belongs to the invocation that runs, where it can only be that one. */
  private log(level: "info" | "warn", line: string): void {
    const event = this.exchange.only;
    if (event === undefined) this.links.log(level, line);
    else event.invocation.log(level, line);
  }

  /** Only once gateways have said that nothing more is under way; else an invocation could meet a closed link. */
  private exitWhenSettled(): void {
    if (!this.leaving || this.ending || !this.links.isDrained) return;
    if (this.links.isSettled) return this.exit();
    this.giveUpOverdue();
  }

  /** Why this is no instance that counts, if it is none. */
  private notReady(): string | undefined {
    if (this.leaving) return "the instance is about to end";
    if (this.supervisor?.isReady !== true && this.failure === undefined) return "the bootstrap is not up";
    return this.links.isLinked ? undefined : "no gateway is linked";
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
    if (this.supervisor === undefined) this.links.finish();
    else this.supervisor.end();
  }

  private onUnlinked(): void {
    this.unlinked = true;
    if (!this.ending) this.exitCode = 1;
    if (this.supervisor === undefined) this.finishEnd();
    else this.supervisor.stop();
  }

  private finishEnd(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.overdueTimer);
    this.exchange.close();
    this.api.close();
    this.host.onEnd(this.exitCode, this.problem);
  }
}

function openerOf(link: () => Duplex): OpenSocket {
  return (events, onConnected) => {
    onConnected();
    return LinkSocket.accepted(link(), events);
  };
}

/** The answer for an invocation that comes while the bootstrap cannot run. */
function notRun(failure: InvocationError, requestId: string): Answer {
  const { head, body } = failureAnswer(failure, requestId);
  return { head: { ...head, nothingRan: true }, body };
}

function idOf(invocation: LinkInvocation): string {
  return invocation.head.requestId;
}

function unknown(requestId: string): ApiReply {
  return { status: 404, message: `there is no event ${requestId} that waits for an answer` };
}
