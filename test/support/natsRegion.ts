import { openJetStreamStore, type JetStreamStoreOptions } from "../../src/gateway/queues/jetStreamStore";
import type { MessageStore } from "../../src/gateway/queues/messageStore";
import { connectNats, type NatsClient, type NatsSession } from "../../src/gateway/queues/natsConnection";
import type { NatsCredentials } from "../../src/spec/cluster";
import { type NatsServer } from "./natsServer";
import { waitUntil } from "./waitUntil";

let regions = 0;

type Settings = Partial<Pick<JetStreamStoreOptions, "replicas" | "ackWaitMs" | "duplicateWindowMs" | "onProblem">>;

/** A region of its own on a NATS server, for one test. */
export class NatsRegion {
  readonly names = { app: "shop", environment: "test", region: `region-${++regions}` };
  readonly #url: string;
  #credentials: NatsCredentials = {};
  readonly #stores: MessageStore[] = [];
  readonly #connections: NatsClient[] = [];

  constructor(...servers: NatsServer[]) {
    this.#url = servers.map(({ url }) => url).join(",");
  }

  /** Connects with credentials from now on. */
  as(credentials: NatsCredentials): this {
    this.#credentials = credentials;
    return this;
  }

  /** The subject that any NATS client publishes to. */
  subject(queue: string): string {
    return `fullcode.${this.names.app}.${this.names.environment}.${this.names.region}.queues.${queue}`;
  }

  get stream(): string {
    return `fullcode_${this.names.app}_${this.names.environment}_${this.names.region}`;
  }

  connect(): NatsClient {
    const connection = connectNats({ url: this.#url, credentials: this.#credentials, name: "test" });
    this.#connections.push(connection);
    return connection;
  }

  /** Opens the region's store as another gateway, over a connection of its own. */
  async open(settings: Settings = {}): Promise<MessageStore> {
    const store = await openJetStreamStore({
      connection: this.connect(),
      ...this.names,
      replicas: 1,
      pullMs: 200,
      ...settings,
    });
    this.#stores.push(store);
    return store;
  }

  /** Closes what is open. Consumers must have been stopped. */
  async close(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store.close()));
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close()));
  }
}

/** The session of a connection once it is up. */
export async function connected(client: NatsClient): Promise<NatsSession> {
  await waitUntil("a connection to NATS", () => client.session !== undefined);
  return client.session!;
}
