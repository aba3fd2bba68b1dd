import type { RegionDocument } from "../spec";
import type { QueueCounts } from "./queues/messageStore";

/** One line of what happens in a region: a function's console, an invocation's end, the gateway's own words. */
export interface LogRecord {
  /** Milliseconds since the epoch. */
  time: number;
  level: "debug" | "info" | "warn" | "error";
  message: string;
  /** Who speaks: the handler's console, the instance's plain output, the end of an invocation, or the gateway. */
  source: "console" | "output" | "invocation" | "gateway";
  function?: string;
  requestId?: string;
  instance?: string;
  /** With `source: "invocation"`. */
  invocation?: {
    trigger: { type: "endpoint" | "queue" | "cron"; name: string };
    /** Method and path, queue name or scheduled time. */
    subject: string;
    status: number;
    durationMs: number;
    /** Time between arrival and the start of the handler: the wait for an instance. */
    heldMs: number;
    coldStart: boolean;
    deliveryAttempt?: number;
    /** What `res.json` and `res.send` said, for triggers without a caller; cut at 4 KiB. */
    response?: string;
  };
}

export interface GatewayOptions {
  /** The region's folder: documents, `secrets/`, `state/`. */
  folder: string;
  /** What the documents' `code` is relative to. */
  projectFolder: string;
  /** Receives every log record as it happens, beside the log file in `state/`. */
  onLog?: (record: LogRecord) => void;
  /**
   * Address to listen at.
   * @default "127.0.0.1"
   */
  host?: string;
  /** Overrides the region document's port; 0 takes a free one. */
  port?: number;
  /**
   * Watches the functions' code and replaces instances when a file changes, whatever the document's version.
   * @default false
   */
  watchCode?: boolean;
  /**
   * Functions are invoked by testers, so a region without triggers is no mistake.
   * @default false
   */
  testersOnly?: boolean;
}

/** State of one function of a running gateway. */
export interface FunctionStatus {
  name: string;
  version: string;
  /** Instances that take work, and instances that are being started. */
  instances: number;
  starting: number;
  running: number;
  held: number;
  /** Present while starting instances fails: what went wrong last. */
  failure?: string;
}

export interface GatewayStatus {
  region: RegionDocument;
  url: string;
  pid: number;
  functions: FunctionStatus[];
  routes: { name: string; method: string; path: string; function: string }[];
  /** Without counts while the messages cannot be reached. */
  queues: ({ name: string; queue: string; function: string } & Partial<QueueCounts>)[];
  /** `nextFiring`: ISO 8601 in UTC. */
  crons: { name: string; schedule: string; timezone: string; function: string; nextFiring: string | null }[];
  /** Documents that could not be read; their last valid versions are served. */
  problems: string[];
}

/** A running gateway of one region. */
export interface Gateway {
  readonly url: string;
  status(): Promise<GatewayStatus>;
  /** Resolves when the gateway serves the documents as they are on disk now. */
  reload(): Promise<void>;
  /** Stops accepting, answers what was accepted, ends the instances. */
  stop(): Promise<void>;
}
