import { randomUUID } from "node:crypto";

import { type InvokeHead } from "../../link/messages";
import { type CronDocument, limits, type QueueDocument } from "../../spec";
import { cronQueueName } from "../crons/cronQueueName";
import { BufferedCaller, type BufferedAnswer } from "../invocations/bufferedCaller";
import { Invocation } from "../invocations/invocation";
import {
  type ConsumerOptions,
  type DeadLetter,
  type Delivery,
  type DeliveryOutcome,
  type MessageConsumer,
  type MessageStore,
} from "../queues/messageStore";
import { type FunctionHost, type QueueShare } from "./functionHost";
import { StartPauses } from "./startPauses";

const FAILED_FROM_STATUS = 400;
/** What of an answer is kept as the reason of a failed delivery. */
const REASON_BYTES = 500;

/** Of what kept a function from running: too much load, or the gateway's end. */
const PASSING: ReadonlySet<number> = new Set([429, 503]);

const NO_FIRING = "it is no firing of this cron: whoever publishes to its queue, firings come from the gateways alone";

export interface MessageTriggersOptions {
  store: MessageStore;
  find(functionName: string): FunctionHost | undefined;
  /** How many messages of one queue may be delivered to a function at this moment, those that are included. */
  room(host: FunctionHost, share: QueueShare): number;
  onDeadLetter(trigger: QueueDocument | CronDocument, letter: DeadLetter): void;
  onProblem(message: string): void;
}

interface Trigger {
  document: QueueDocument | CronDocument;
  consumer: MessageConsumer;
  /** Messages that are being delivered. */
  delivering: number;
}

/** Delivers messages of queues and firings of crons to their functions. */
export class MessageTriggers {
  private readonly triggers = new Map<string, Trigger>();
  /** Queues that asked for room when there was none, those first that have waited longest. */
  private readonly refused = new Set<string>();
  private readonly pauses = new StartPauses((functionName) => this.wakeAll(functionName));

  constructor(private readonly options: MessageTriggersOptions) {}

  /** Consumes exactly the queues of these triggers. */
  update(queues: readonly QueueDocument[], crons: readonly CronDocument[]): void {
    // what is deployed may be what was missing
    this.pauses.endAll();
    const wanted = new Map<string, QueueDocument | CronDocument>();
    for (const document of queues) wanted.set(document.queue, document);
    for (const document of crons) wanted.set(cronQueueName(document.name), document);
    const gone = [...this.triggers].filter(([queue]) => !wanted.has(queue));
    for (const [queue] of gone) {
      this.triggers.delete(queue);
      this.refused.delete(queue);
    }
    // what is being delivered is finished beside the new ones; nobody has to wait for it
    for (const [, { consumer }] of gone) void consumer.stop();
    for (const [queue, document] of wanted) {
      const trigger = this.triggers.get(queue);
      if (trigger !== undefined) {
        trigger.document = document;
        trigger.consumer.update(this.consumerOptions(queue, document));
        // its function may have more room than before
        trigger.consumer.wake();
      } else {
        const consumer = this.options.store.consume(queue, this.consumerOptions(queue, document), (delivery) =>
          this.deliver(queue, delivery),
        );
        this.triggers.set(queue, { document, consumer, delivering: 0 });
        // it has asked for room already, before it could be found here: what waits on disk must not wait for a message
        consumer.wake();
      }
    }
  }

  /** A function has more room than before. */
  wake(functionName: string): void {
    if (this.pauses.isFailing(functionName) && this.options.find(functionName)?.failure === undefined)
      this.pauses.end(functionName);
    this.wakeAll(functionName);
  }

  private wakeAll(functionName: string): void {
    for (const { document, consumer } of this.triggers.values())
      if (document.function === functionName) consumer.wake();
  }

  async stop(): Promise<void> {
    this.pauses.endAll();
    await Promise.all([...this.triggers.values()].map(({ consumer }) => consumer.stop()));
  }

  private consumerOptions(queue: string, document: QueueDocument | CronDocument): ConsumerOptions {
    return {
      maxDeliveries: document.maxDeliveries,
      backoffSeconds: document.kind === "Queue" ? document.backoffSeconds : limits.REDELIVERY_BACKOFF_SECONDS,
      maxInFlight: () => this.room(queue),
      onDeadLetter: (letter) => this.options.onDeadLetter(document, letter),
      onProblem: (error) => this.options.onProblem(error.message),
    };
  }

  private room(queue: string): number {
    const trigger = this.triggers.get(queue);
    const host = trigger === undefined ? undefined : this.options.find(trigger.document.function);
    if (trigger === undefined || host === undefined) return 0;
    const { delivering } = trigger;
    const room = this.allowed(trigger, host);
    if (room > delivering) this.refused.delete(queue);
    else this.refused.add(queue);
    return room;
  }

  private allowed({ document, delivering }: Trigger, host: FunctionHost): number {
    const { function: name } = document;
    if (this.pauses.isPaused(name)) return 0;
    const room = this.options.room(host, { delivering, queues: this.queuesOf(name) });
    // one of each queue finds out whether the function can be started
    return this.pauses.isFailing(name) ? Math.min(room, 1) : room;
  }

  private queuesOf(functionName: string): number {
    let count = 0;
    for (const { document } of this.triggers.values()) if (document.function === functionName) count++;
    return count;
  }

  private async deliver(queue: string, delivery: Delivery): Promise<DeliveryOutcome> {
    const trigger = this.triggers.get(queue);
    const host = trigger === undefined ? undefined : this.options.find(trigger.document.function);
    if (trigger === undefined || host === undefined) return { delivered: "returned" };
    const { document } = trigger;
    // one that was asked for before the pause
    if (this.pauses.isPaused(document.function)) return { delivered: "returned" };
    const caller = new BufferedCaller(host.current.limits.responseBytes);
    const head = invokeHead(document, delivery);
    if (head === undefined) return { delivered: "never", reason: NO_FIRING };
    trigger.delivering++;
    const { scheduledTime: subject = document.name } = head.trigger;
    host.submit(new Invocation(head, document.kind === "Queue" ? document.queue : subject, caller, delivery.body));
    const answer = await caller.answered;
    trigger.delivering--;
    if (!answer.nothingRan) this.pauses.end(document.function);
    else if (!PASSING.has(answer.status)) this.pauses.failed(document.function);
    this.wakeRefused(document.function);
    return outcome(answer);
  }

  /** A place is free: a queue that is never empty would else keep the function's others from it. */
  private wakeRefused(functionName: string): void {
    for (const queue of this.refused) {
      const { document, consumer } = this.triggers.get(queue)!;
      if (document.function !== functionName) continue;
      this.refused.delete(queue);
      return consumer.wake();
    }
  }
}

/** `undefined` for what is on a cron's queue and is none of its firings. */
function invokeHead(document: QueueDocument | CronDocument, delivery: Delivery): InvokeHead | undefined {
  const { name } = document;
  const head = { requestId: randomUUID(), startedAt: 0, attempt: delivery.attempt };
  if (document.kind === "Queue")
    return { ...head, trigger: { type: "queue", name }, contentType: delivery.contentType };
  const time = scheduledTime(delivery);
  return time === undefined ? undefined : { ...head, trigger: { type: "cron", name, scheduledTime: time } };
}

function scheduledTime(delivery: Delivery): string | undefined {
  try {
    const { scheduledTime: time } = JSON.parse(delivery.body.toString("utf8")) as { scheduledTime?: unknown };
    return typeof time === "string" ? time : undefined;
  } catch {
    return undefined;
  }
}

function outcome(answer: BufferedAnswer): DeliveryOutcome {
  if (answer.nothingRan) return { delivered: "returned" };
  if (answer.status < FAILED_FROM_STATUS) return { delivered: true };
  return {
    delivered: false,
    reason:
      answer.error?.message ??
      answer.failure ??
      `status ${answer.status}: ${answer.body.toString("utf8", 0, REASON_BYTES)}`,
  };
}
