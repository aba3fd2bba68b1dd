import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type JetStreamClient,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { nanos } from "@nats-io/transport-node";

import { MAX_MESSAGE_BYTES } from "../../spec/limits";
import { isNameInUse, isStreamMissing } from "./jetStreamErrors";
import { type JetStreamNames } from "./jetStreamNames";

/** Room for headers beside the largest body. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Largest message of a queue's stream, headers included; a larger one is refused by the server. */
export const MAX_STREAM_MESSAGE_BYTES = MAX_MESSAGE_BYTES + MAX_HEADER_BYTES;
/** Ids of dead letters are few; a message whose burial was interrupted comes back within the ack wait. */
const DEAD_LETTER_DUPLICATE_WINDOW_MS = 3_600_000;

export interface StreamSettings {
  /** Copies of each message, 1 to 5. */
  replicas: number;
  /** Time for which the server remembers message ids. */
  duplicateWindowMs: number;
}

/**
 * What may be done to streams: `apply` gives them all settings; `keep` leaves those that are there as they are but for
 * copies that are missing, since a gateway of a later configuration may have changed them; `find` only looks.
 */
export type StreamCare = "apply" | "keep" | "find";

type NamedStream = Partial<StreamConfig> & { name: string };

/**
 * Makes a region's streams what they have to be. Any number of gateways do so at once; settings that are not named here,
 * such as limits and placement, stay as an operator set them.
 *
 * @throws JetStreamApiError when one is missing that must only be found.
 */
export async function ensureStreams(
  js: JetStreamClient,
  jsm: JetStreamManager,
  names: JetStreamNames,
  { replicas, duplicateWindowMs }: StreamSettings,
  care: StreamCare,
): Promise<void> {
  const common = {
    storage: StorageType.File,
    // a stream that is full refuses messages: with the default, it would drop the oldest ones
    discard: DiscardPolicy.New,
    num_replicas: replicas,
  };
  await ensureStream(jsm, care, {
    ...common,
    name: names.stream,
    subjects: [names.allQueues],
    retention: RetentionPolicy.Workqueue,
    max_msg_size: MAX_STREAM_MESSAGE_BYTES,
    duplicate_window: nanos(duplicateWindowMs),
  });
  await ensureStream(jsm, care, {
    ...common,
    name: names.deadLetterStream,
    subjects: [names.allDeadLetters],
    retention: RetentionPolicy.Limits,
    duplicate_window: nanos(DEAD_LETTER_DUPLICATE_WINDOW_MS),
  });
  // read from the leader only: a replica that lags behind would let a compare-and-set fail that must not
  if (care !== "find") await new Kvm(js).create(names.bucket, { replicas, history: 1, allow_direct: false });
  await ensureStream(jsm, care, { name: names.bucketStream, num_replicas: replicas });
}

async function ensureStream(jsm: JetStreamManager, care: StreamCare, wanted: NamedStream): Promise<void> {
  if (care === "find") return void (await jsm.streams.info(wanted.name));
  let info = await streamInfo(jsm, wanted.name);
  if (info === undefined)
    try {
      info = await jsm.streams.add({ ...wanted });
    } catch (error) {
      if (!isNameInUse(error)) throw error;
      info = await jsm.streams.info(wanted.name);
    }
  const { name, num_replicas: replicas = 1 } = wanted;
  if (care === "apply" && !hasSettings(info.config, wanted)) await jsm.streams.update(name, wanted);
  if (care === "keep" && info.config.num_replicas < replicas)
    await jsm.streams.update(name, { num_replicas: replicas });
}

async function streamInfo(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (isStreamMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Makes a queue's durable consumer. Its deliveries are not limited: a message that has used up its own is buried by a
 * gateway, since the server would leave it in the stream without ever delivering it again. Neither is their number at a
 * time: a message counts as delivered while it waits for its next delivery, so a limit would let failing messages block
 * the others.
 */
export async function ensureConsumer(
  jsm: JetStreamManager,
  names: JetStreamNames,
  queue: string,
  ackWaitMs: number,
): Promise<void> {
  const config = {
    durable_name: names.consumer(queue),
    filter_subject: names.queueSubject(queue),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ackWaitMs),
    max_deliver: -1,
    max_ack_pending: -1,
  } satisfies Partial<ConsumerConfig>;
  try {
    await jsm.consumers.add(names.stream, config);
  } catch (error) {
    if (!isNameInUse(error)) throw error;
    const { ack_wait, max_deliver, max_ack_pending } = config;
    await jsm.consumers.update(names.stream, config.durable_name, { ack_wait, max_deliver, max_ack_pending });
  }
}

function hasSettings(config: object, wanted: object): boolean {
  const present = new Map(Object.entries(config));
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(present.get(key)) === JSON.stringify(value));
}
