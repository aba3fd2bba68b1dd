import { problemWithName } from "../../spec/names";

const QUEUE_NAME = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;
const MAX_QUEUE_NAME_LENGTH = 200;

export interface RegionNames {
  app: string;
  environment: string;
  region: string;
}

/**
 * What a region's streams, subjects and consumers are called. Names of the platform have no underscores and no dots, so
 * that they can be joined by either without two regions ever meeting; queues of crons have dots.
 */
export class JetStreamNames {
  /** Messages, until they are delivered. */
  readonly stream: string;
  readonly deadLetterStream: string;
  /** Bucket of values. */
  readonly bucket: string;
  /** Where gateways tell each other what they hold; in no stream. */
  readonly leaseSubject: string;
  readonly #prefix: string;

  /** @throws Error for a name that is not one of the platform. */
  constructor({ app, environment, region }: RegionNames) {
    for (const [what, name] of Object.entries({ app, environment, region })) {
      const problem = problemWithName(name);
      if (problem !== undefined) throw new Error(`${what}: ${problem}`);
    }
    this.stream = `fullcode_${app}_${environment}_${region}`;
    this.deadLetterStream = `${this.stream}_dead`;
    this.bucket = this.stream;
    this.#prefix = `fullcode.${app}.${environment}.${region}`;
    this.leaseSubject = `${this.#prefix}.leases`;
  }

  /** The stream below the bucket of values. */
  get bucketStream(): string {
    return `KV_${this.bucket}`;
  }

  /** Where any NATS client publishes messages of a queue. @throws Error for what is not a queue's name. */
  queueSubject(queue: string): string {
    return `${this.#prefix}.queues.${checked(queue)}`;
  }

  get allQueues(): string {
    return `${this.#prefix}.queues.>`;
  }

  deadLetterSubject(queue: string): string {
    return `${this.#prefix}.dead.${checked(queue)}`;
  }

  get allDeadLetters(): string {
    return `${this.#prefix}.dead.>`;
  }

  /** The queue of a subject of {@link allQueues} or {@link allDeadLetters}. */
  queueOf(subject: string): string {
    return subject.slice(this.#prefix.length + 1).replace(/^(?:queues|dead)\./, "");
  }

  /** The durable consumer that all gateways share for one queue. */
  consumer(queue: string): string {
    return checked(queue).replaceAll(".", "_");
  }

  /** Subject of a value in the bucket. */
  valueSubject(key: string): string {
    return `$KV.${this.bucket}.${valueKey(key)}`;
  }

  /** Subject of how many deliveries of a message do not count. */
  uncountedSubject(sequence: number | "*"): string {
    return `$KV.${this.bucket}.deliveries.${sequence}`;
  }
}

/** A value's key in the bucket: readable where NATS allows its characters. */
export function valueKey(key: string): string {
  const readable = /^[\w-]+(?:\.[\w-]+)*$/.test(key);
  return `values.${readable ? key : `=${Buffer.from(key).toString("base64url")}`}`;
}

function checked(queue: string): string {
  if (queue.length > MAX_QUEUE_NAME_LENGTH || !QUEUE_NAME.test(queue))
    throw new Error(`"${queue}" is not a queue's name: lower-case letters, digits, dashes, dots`);
  return queue;
}
