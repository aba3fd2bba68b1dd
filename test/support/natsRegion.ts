import { openJetStreamStore, type JetStreamStoreOptions } from "../../src/gateway/queues/jetStreamStore";
import type { MessageStore } from "../../src/gateway/queues/messageStore";
import { connectNats, type NatsClient } from "../../src/gateway/queues/natsConnection";
import { type NatsServer } from "./natsServer";

let regions = 0;

type Settings = Partial<Pick<JetStreamStoreOptions, "ackWaitMs" | "duplicateWindowMs" | "onProblem">>;

/** A region of its own on a NATS server, for one test. */
export class NatsRegion {
  readonly names = { app: "shop", environment: "test", region: `region-${++regions}` };
  readonly #server: NatsServer;
  readonly #stores: MessageStore[] = [];
  readonly #connections: NatsClient[] = [];

  constructor(server: NatsServer) {
    this.#server = server;
  }

  /** The subject that any NATS client publishes to. */
  subject(queue: string): string {
    return `fullcode.${this.names.app}.${this.names.environment}.${this.names.region}.queues.${queue}`;
  }

  get stream(): string {
    return `fullcode_${this.names.app}_${this.names.environment}_${this.names.region}`;
  }

  connect(): NatsClient {
    const connection = connectNats({ url: this.#server.url, credentials: {}, name: "test" });
    this.#connections.push(connection);
    return connection;
  }

  /** Opens the region's store as another gateway, over a connection of its own. */
  async open(settings: Settings = {}): Promise<MessageStore> {
    const store = await openJetStreamStore({ connection: this.connect(), ...this.names, replicas: 1, ...settings });
    this.#stores.push(store);
    return store;
  }

  /** Closes what is open. Consumers must have been stopped. */
  async close(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store.close()));
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close()));
  }
}
