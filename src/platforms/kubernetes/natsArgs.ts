import type * as pulumi from "@pulumi/pulumi";

/** A NATS of the region's own, in its namespace. */
export interface NatsArgs {
  /**
   * Image of a NATS server, 2.10 or newer.
   * @default "nats:2.12-alpine"
   */
  image?: string;
  /**
   * Servers, 1 or 3. With 3 each message is on all of them, and one may be missing.
   *
   * Decide before there are messages. One server and three keep them in ways that the other does not understand, so each has
   * disks of its own: after a change queues, dead letters and the record of crons begin empty. What was there before stays
   * on the old disks, and is there again when the number is changed back. How to move: "Queues and schedules" in the
   * guide on Kubernetes.
   * @default 1
   */
  replicas?: 1 | 3;
  /**
   * Disk of one server: `10Gi`. Messages may take 90 % of it.
   *
   * A later change changes how much messages may take, and restarts the servers; disks that exist keep their size. To
   * have more room, make their PersistentVolumeClaims larger first and raise this second: a server that may take more
   * than its disk has stops when it is full.
   * @default "10Gi"
   */
  storage?: string;
  /**
   * StorageClass that the disks are made with. A later change has no effect on servers that exist.
   * @default the cluster's default class
   */
  storageClass?: string;
  /**
   * Memory of one server in MiB, at least 64.
   * @default 512
   */
  memory?: number;
}

/** A NATS with JetStream that exists. */
export interface ExternalNatsArgs {
  /** `nats://nats.example.com:4222` or `tls://…`; several servers of one scheme separated by commas. Credentials in it are an error. */
  url: string;
  /** @default none: the servers ask for nothing */
  credentials?: NatsCredentialsArgs;
  /**
   * Copies of each message, 1 to 5; at most as many as there are servers.
   * @default 1
   */
  replicas?: number;
}

/** What logs in at NATS, kept as secrets: user and password, a token, or a credentials file. */
export interface NatsCredentialsArgs {
  user?: pulumi.Input<string>;
  password?: pulumi.Input<string>;
  token?: pulumi.Input<string>;
  /** Text of a credentials file: a JWT and its seed. */
  creds?: pulumi.Input<string>;
  /** Certificate authority of the servers as PEM, where it is not a public one. */
  ca?: pulumi.Input<string>;
}
