import { open, type Database, type RootDatabase } from "lmdb";

/** Orders messages within a queue. */
export type MessageKey = [queue: string, position: number];

export interface MessageRecord {
  id: string;
  contentType: string;
  publishedAt: number;
  /** Deliveries that were begun. */
  attempts: number;
  /** A delivery was begun and its end was never recorded. */
  leased: boolean;
  /** Milliseconds since the epoch before which the message is not delivered. */
  notBefore: number;
  /** Why the last delivery failed. */
  reason?: string;
}

export interface DeadLetterRecord {
  id: string;
  contentType: string;
  publishedAt: number;
  attempts: number;
  reason: string;
  deadAt: number;
}

/** What the embedded store keeps on disk. */
export interface Tables {
  root: RootDatabase;
  /** Waiting and leased messages in their order of delivery. */
  messages: Database<MessageRecord, MessageKey>;
  /** Bodies by the message's number, apart so that counting a delivery does not write the body again. */
  bodies: Database<Buffer, number>;
  /** Dead letters by the message's number. */
  deadLetters: Database<DeadLetterRecord, MessageKey>;
  /** Names of all queues that have held messages. */
  queues: Database<true, string>;
  /** Messages by the hash of their deduplication id. */
  deduplicated: Database<{ id: string; at: number }, [queue: string, hash: string]>;
  /** Hashes of deduplication ids in the order in which they came. */
  deduplicationOrder: Database<string, MessageKey>;
  values: Database<string, string>;
  /** The last number given out, and the process that owns the store. */
  meta: Database<unknown, string>;
}

/**
 * `overlappingSync: false` makes a commit's promise resolve only after LMDB's own synchronous commit: fdatasync of the
 * data pages, then the meta page through a descriptor opened with O_DSYNC. With the default (`true` outside Windows) it
 * resolves once the commit is visible, before it is flushed (lmdb-js README, "overlappingSync"; mdb.c, mdb_txn_commit).
 *
 * `eventTurnBatching: false` because lmdb-js leaves the rejection of its implicit batches unhandled, which would end the
 * process when a disk is full; {@link GroupCommit} batches instead. No `mapSize`: lmdb-js grows the map as needed, so
 * only the disk is a limit.
 */
export function openTables(folder: string): Tables {
  const root = open({
    path: folder,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    maxDbs: 16,
  });
  return {
    root,
    messages: root.openDB({ name: "messages" }),
    bodies: root.openDB({ name: "bodies", encoding: "binary" }),
    deadLetters: root.openDB({ name: "deadLetters" }),
    queues: root.openDB({ name: "queues" }),
    deduplicated: root.openDB({ name: "deduplicated" }),
    deduplicationOrder: root.openDB({ name: "deduplicationOrder" }),
    values: root.openDB({ name: "values" }),
    meta: root.openDB({ name: "meta" }),
  };
}

/** The range of all of a queue's keys. */
export function keysOf(queue: string): { start: MessageKey; end: MessageKey } {
  return { start: [queue, 0], end: [queue, Number.MAX_SAFE_INTEGER] };
}
