import { NATS_NAME, NATS_PORT } from "../../spec";
import { parseStorage } from "./quantities";
import type { RegionSettings } from "./settings";

/** Ports of a NATS server's pod, beside the clients' own. */
export const NATS_MONITOR_PORT = 8222;
export const NATS_CLUSTER_PORT = 6222;
/** Headless Service by which servers find each other. */
export const NATS_PEER_SERVICE = "nats-peers";
export const NATS_DATA_FOLDER = "/data";
/** Name of the claim of a server's disk, within its StatefulSet. */
export const NATS_DATA_CLAIM = "data";
/** Environment variable with the server's name. */
export const SERVER_NAME_VARIABLE = "SERVER_NAME";

/** Larger than the largest message of a queue with its headers. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;
/** Share of the disk that messages may take: the rest is for the file system and for what is being compacted. */
const STORE_SHARE = 0.9;
/** Messages are kept on disk. */
const MAX_MEMORY_STORE_BYTES = 64 * 1024 * 1024;
const MIB = 1024 * 1024;
/**
 * When messages reach the disk. A single server confirms none before; the default is every two minutes. Of a cluster two
 * servers have a message that is confirmed, so it is lost only if both lose power within the interval.
 */
const SYNC_INTERVAL = { single: "always", cluster: "1s" };

/** User of the region's gateways. */
export const GATEWAY_USER = "gateway";
/** User of other programs that send messages: it may publish to the region's queues and nothing else. */
export const PUBLISHER_USER = "publisher";
/**
 * Where the publisher gets its acknowledgements. In the usual `_INBOX` it could read what is delivered to gateways as
 * well.
 */
export const PUBLISHER_INBOX_PREFIX = "_INBOX_publisher";

/** Passwords of a NATS' users. */
export interface NatsPasswords {
  gateway: string;
  publisher: string;
  /** Of the servers among each other. */
  cluster: string;
}

/**
 * Name of the servers' StatefulSet, which names their disks. A server of a cluster deletes streams that it finds on the
 * disk of a single one, and a single one does not know those of a cluster: neither may ever get the other's disk.
 */
export function statefulSetName(replicas: number): string {
  return replicas > 1 ? `${NATS_NAME}-cluster` : NATS_NAME;
}

/** Prefix of the subjects of a region's queues; the queue's name comes behind it. */
export function queueSubjectPrefix({ app, place }: Pick<RegionSettings, "app" | "place">): string {
  return `fullcode.${app}.${place.environment}.${place.region}.queues.`;
}

/** Configuration of a region's NATS servers. JSON is a subset of what they read. */
export function natsConfig(settings: RegionSettings, passwords: NatsPasswords): string {
  const { app, place, namespace, nats } = settings;
  const storeBytes = Math.floor(parseStorage(nats.own!.storage)! * MIB * STORE_SHARE);
  const config = {
    listen: `0.0.0.0:${NATS_PORT}`,
    http: `0.0.0.0:${NATS_MONITOR_PORT}`,
    max_payload: MAX_PAYLOAD_BYTES,
    jetstream: {
      store_dir: NATS_DATA_FOLDER,
      max_file_store: storeBytes,
      max_memory_store: MAX_MEMORY_STORE_BYTES,
      sync_interval: nats.replicas > 1 ? SYNC_INTERVAL.cluster : SYNC_INTERVAL.single,
    },
    authorization: {
      users: [
        { user: GATEWAY_USER, password: passwords.gateway },
        {
          user: PUBLISHER_USER,
          password: passwords.publisher,
          permissions: { publish: [`${queueSubjectPrefix(settings)}*`], subscribe: [`${PUBLISHER_INBOX_PREFIX}.>`] },
        },
      ],
    },
    ...(nats.replicas > 1 && {
      cluster: {
        name: `${app}-${place.environment}-${place.region}`,
        listen: `0.0.0.0:${NATS_CLUSTER_PORT}`,
        authorization: { user: "cluster", password: passwords.cluster },
        routes: Array.from({ length: nats.replicas }, (_, index) => {
          const host = `${statefulSetName(nats.replicas)}-${index}.${NATS_PEER_SERVICE}.${namespace}.svc`;
          return `nats://cluster:${passwords.cluster}@${host}:${NATS_CLUSTER_PORT}`;
        }),
      },
    }),
  };
  // the name differs between servers, and only what is not quoted is a reference
  return `server_name: $${SERVER_NAME_VARIABLE}\n${JSON.stringify(config, null, 2).slice(2, -2)}\n`;
}
