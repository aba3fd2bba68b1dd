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

/**
 * A NATS with JetStream that exists: 2.10 or newer. Its account needs JetStream and the subjects `fullcode.>`, `$JS.API.>`,
 * `$JS.ACK.>`, `$KV.>` and `_INBOX.>`, and messages of up to 6 MiB a `max_payload` of 8 MB. The gateways make their streams.
 */
export interface ExternalNatsArgs {
  /**
   * `nats://nats.example.com:4222` or `tls://…`; several servers of one scheme separated by commas. The port is 4222 unless it
   * is named. Credentials in it are an error.
   */
  url: string;
  /**
   * What logs in at the servers.
   * @default none: the servers ask for nothing
   */
  credentials?: NatsCredentialsArgs;
  /**
   * Copies of each message, 1 to 5; at most as many as there are servers.
   * @default 1
   */
  replicas?: number;
}

/**
 * What logs in at NATS, kept as secrets: user and password, a token, or a credentials file. More than one way is an error,
 * and so is an empty value.
 */
export interface NatsCredentialsArgs {
  /**
   * Name of a user. An error without `password`.
   * @default none
   */
  user?: pulumi.Input<string>;
  /**
   * Password of `user`. An error without it.
   * @default none
   */
  password?: pulumi.Input<string>;
  /**
   * A token, in place of user and password.
   * @default none
   */
  token?: pulumi.Input<string>;
  /**
   * Text of a credentials file, not its path: a JWT and its seed.
   * @default none
   */
  creds?: pulumi.Input<string>;
  /**
   * Certificate authority of the servers as PEM. With it connections are by TLS, also to `nats://`.
   * @default public authorities, where the URL or the servers ask for TLS
   */
  ca?: pulumi.Input<string>;
}
