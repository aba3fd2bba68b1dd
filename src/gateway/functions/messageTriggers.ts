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
import { type FunctionHost } from "./functionHost";

const FAILED_FROM_STATUS = 400;
/** What of an answer is kept as the reason of a failed delivery. */
const REASON_BYTES = 500;

export interface MessageTriggersOptions {
  store: MessageStore;
  find(functionName: string): FunctionHost | undefined;
  /** How many messages of one queue may be delivered to a function at this moment. */
  room(host: FunctionHost): number;
  onDeadLetter(trigger: QueueDocument | CronDocument, letter: DeadLetter): void;
  onProblem(message: string): void;
}

interface Trigger {
  document: QueueDocument | CronDocument;
  consumer: MessageConsumer;
}

/** Delivers messages of queues and firings of crons to their functions. */
export class MessageTriggers {
  private readonly triggers = new Map<string, Trigger>();

  constructor(private readonly options: MessageTriggersOptions) {}

  /** Consumes exactly the queues of these triggers. */
  update(queues: readonly QueueDocument[], crons: readonly CronDocument[]): void {
    const wanted = new Map<string, QueueDocument | CronDocument>();
    for (const document of queues) wanted.set(document.queue, document);
    for (const document of crons) wanted.set(cronQueueName(document.name), document);
    const gone = [...this.triggers].filter(([queue]) => !wanted.has(queue));
    for (const [queue] of gone) this.triggers.delete(queue);
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
        this.triggers.set(queue, { document, consumer });
        // it has asked for room already, before it could be found here: what waits on disk must not wait for a message
        consumer.wake();
      }
    }
  }

  /** A function has more room than before. */
  wake(functionName: string): void {
    for (const { document, consumer } of this.triggers.values())
      if (document.function === functionName) consumer.wake();
  }

  async stop(): Promise<void> {
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
    const document = this.triggers.get(queue)?.document;
    const host = document === undefined ? undefined : this.options.find(document.function);
    return host === undefined ? 0 : this.options.room(host);
  }

  private async deliver(queue: string, delivery: Delivery): Promise<DeliveryOutcome> {
    const document = this.triggers.get(queue)?.document;
    const host = document === undefined ? undefined : this.options.find(document.function);
    if (document === undefined || host === undefined) return { delivered: "returned" };
    const caller = new BufferedCaller(host.current.limits.responseBytes);
    host.submit(new Invocation(invokeHead(document, delivery), subject(document, delivery), caller, delivery.body));
    return outcome(await caller.answered);
  }
}

function invokeHead(document: QueueDocument | CronDocument, delivery: Delivery): InvokeHead {
  const head: InvokeHead = {
    requestId: randomUUID(),
    trigger:
      document.kind === "Queue"
        ? { type: "queue", name: document.name }
        : { type: "cron", name: document.name, scheduledTime: scheduledTime(delivery) },
    startedAt: 0,
    attempt: delivery.attempt,
  };
  if (document.kind === "Queue") head.contentType = delivery.contentType;
  return head;
}

function subject(document: QueueDocument | CronDocument, delivery: Delivery): string {
  return document.kind === "Queue" ? document.queue : scheduledTime(delivery);
}

function scheduledTime(delivery: Delivery): string {
  return (JSON.parse(delivery.body.toString("utf8")) as { scheduledTime: string }).scheduledTime;
}

function outcome(answer: BufferedAnswer): DeliveryOutcome {
  if (answer.error?.nothingRan === true) return { delivered: "returned" };
  if (answer.status < FAILED_FROM_STATUS) return { delivered: true };
  return {
    delivered: false,
    reason:
      answer.error?.message ??
      answer.failure ??
      `status ${answer.status}: ${answer.body.toString("utf8", 0, REASON_BYTES)}`,
  };
}
