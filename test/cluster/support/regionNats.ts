import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";

import type { KubernetesObject } from "./kubectl";
import type { TestRegion } from "./regions";

const RECONNECT_MS = 250;
/** Short: while its pod is replaced, the Service's address leads to the old one for a moment. */
const CONNECT_TIMEOUT_MS = 2_000;

/** What other programs know of a region's NATS. */
export interface PublisherAccess {
  connection: NatsConnection;
  js: JetStreamClient;
  /** The queue's name comes behind it. */
  subjectPrefix: string;
}

/** Connects as programs do that send messages: by the Secret that the platform makes for them. */
export async function connectPublisher(region: TestRegion, namespace: string): Promise<PublisherAccess> {
  const { data } = await region.get<Secret>(namespace, "secret", "nats-publisher");
  const fields = ["user", "password", "subjectPrefix", "inboxPrefix"];
  const [user, pass, subjectPrefix, inboxPrefix] = fields.map((key) => decoded(data[key]));
  const connection = await connectTo(region, namespace, { user, pass, inboxPrefix });
  return { connection, js: jetstream(connection), subjectPrefix };
}

/** Connects as the gateways do, who look after the streams. */
export async function connectOperator(
  region: TestRegion,
  namespace: string,
): Promise<{ connection: NatsConnection; jsm: JetStreamManager }> {
  const secrets = await region.list<Secret>(namespace, "secrets", "app.kubernetes.io/component=gateway");
  const credentials = secrets.map(({ data }) => data["nats.json"]).find((text) => text !== undefined);
  if (credentials === undefined) throw new Error(`the gateways of ${namespace} have no credentials of NATS`);
  const { user, password: pass } = JSON.parse(decoded(credentials)) as { user: string; password: string };
  const connection = await connectTo(region, namespace, { user, pass });
  return { connection, jsm: await jetstreamManager(connection, { checkAPI: false }) };
}

interface Secret extends KubernetesObject {
  data: Record<string, string>;
}

/** By the Service's address: its name is known within the cluster only. */
async function connectTo(
  region: TestRegion,
  namespace: string,
  login: { user: string; pass: string; inboxPrefix?: string },
): Promise<NatsConnection> {
  const servers = (await region.serviceUrl(namespace, "nats")).replace("http://", "");
  const endless = { timeout: CONNECT_TIMEOUT_MS, maxReconnectAttempts: -1, reconnectTimeWait: RECONNECT_MS };
  return connect({ servers, ...login, ...endless, noAsyncTraces: true });
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
