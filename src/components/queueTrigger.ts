import * as pulumi from "@pulumi/pulumi";

import type { ArgumentNames } from "../platforms/argumentNames";
import { API_VERSION } from "../spec";
import type { QueueDocument } from "../spec/documentTypes";
import { withDependencies } from "./dependencies";
import { Problems, requireComponent } from "./problems";
import { checkTrigger, createTrigger, type RegionalUrls, type TriggerArgs, urlsOf } from "./trigger";

/** Arguments of {@link QueueTrigger}. */
export interface QueueTriggerArgs extends TriggerArgs<QueueDocument> {
  /**
   * Name of the queue: lower-case letters, digits and dashes, at most 53 characters. Each region has a queue of its own.
   * A second trigger on one queue is an error.
   */
  queue: string;
  /**
   * Deliveries of a message before it goes to the dead-letter queue, 1 to 100.
   * @default 5
   */
  maxDeliveries?: number;
  /**
   * Seconds before the second delivery, 0 to 300; doubles with each further one.
   * @default 1
   */
  backoff?: number;
  /**
   * Whether messages are taken from outside as well: where the endpoints of a `kubernetes()` region are published, and
   * where a proxy in front of a `local()` region has forwarded them. Whoever gets there can send any number. From inside
   * they always are: functions of the region, pods of its cluster, programs of its machine.
   * @default false
   */
  published?: boolean;
  /**
   * A message that shows what the queue takes: `fullcode dev` prints it as a curl line. `body` is sent as JSON; what JSON
   * cannot express is an error, and so are more than 4 KiB.
   * @default {}
   */
  example?: {
    /** The message. */
    body?: unknown;
  };
}

const NAMES: ArgumentNames<QueueTriggerArgs> = {
  function: true,
  regions: true,
  transform: true,
  queue: true,
  maxDeliveries: true,
  backoff: true,
  published: true,
  example: true,
};

/** A queue: its messages invoke a function, each at least once. */
export class QueueTrigger extends pulumi.ComponentResource {
  /** Name of the queue. */
  readonly queueName: pulumi.Output<string>;
  /**
   * Where messages are sent (POST, any body), by environment and region: the addresses that clients have of a queue that
   * is `published`, else those inside.
   */
  readonly publishUrls: pulumi.Output<RegionalUrls>;

  /**
   * @param name - Lower-case letters, digits and dashes; at most 53 characters.
   * @throws ResourceError with all problems of the arguments.
   */
  constructor(name: string, args: QueueTriggerArgs, opts?: pulumi.ComponentResourceOptions) {
    const label = `QueueTrigger "${name}"`;
    requireComponent(label, "function", args?.function, "FullCodeFunction");
    const { queue, maxDeliveries, backoff, published, example, transform } = args;
    const problems = new Problems(label);
    problems.checkNames(args, NAMES);
    const regions = checkTrigger("QueueTrigger", name, args, problems);
    const input = { kind: "Queue" as const, apiVersion: API_VERSION, name, function: args.function.name } as const;
    const document = problems.checkDocument(
      { ...input, queue, maxDeliveries, backoffSeconds: backoff, published, example },
      { backoffSeconds: "backoff" },
    );
    if (document !== undefined)
      for (const { queues, place } of regions) {
        const other = queues.get(queue);
        if (other === undefined) queues.set(queue, document);
        else
          problems.add(
            "queue",
            `"${queue}" already invokes "${other.function}" by QueueTrigger "${other.name}" in environment "${place.environment}"; a queue has one trigger`,
          );
      }
    problems.throwIfAny();

    super("fullcode:index:QueueTrigger", name, {}, withDependencies(opts));
    createTrigger(this, regions, { document: document!, transform });
    this.queueName = pulumi.output(queue);
    this.publishUrls = urlsOf(regions, `/queues/${queue}`, published === true ? "outside" : "inside");
    this.registerOutputs({ queueName: this.queueName, publishUrls: this.publishUrls });
  }
}
