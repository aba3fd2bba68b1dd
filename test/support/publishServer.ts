import { join } from "node:path";

import { EndpointServer } from "../../src/gateway/endpoints/endpointServer";
import { openEmbeddedStore } from "../../src/gateway/queues/embeddedStore";
import { type MessageStore } from "../../src/gateway/queues/messageStore";
import { PublishBudget } from "../../src/gateway/queues/publishBudget";
import { publishRequest } from "../../src/gateway/queues/publishRequest";
import { ANY_PORT } from "./anyPort";
import { call, type CallAnswer, type CallOptions } from "./httpClient";

/** The public side of a gateway that takes messages for every queue, and has neither endpoints nor functions. */
export class PublishServer {
  private confirm = Promise.resolve();
  private url = "";

  private constructor(
    readonly server: EndpointServer,
    readonly store: MessageStore,
  ) {}

  static async start(folder: string, budget = new PublishBudget()): Promise<PublishServer> {
    const store = await openEmbeddedStore(join(folder, "messages"));
    const server: EndpointServer = new EndpointServer({
      ports: [ANY_PORT],
      find: () => undefined,
      publish: (arrival) => publishRequest(arrival, { store: started.slowStore(), budget, onProblem: () => undefined }),
    });
    const started = new PublishServer(server, store);
    started.url = `http://127.0.0.1:${await server.listen()}`;
    return started;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  post(path: string, options: CallOptions): Promise<CallAnswer> {
    return call(this.url + path, { method: "POST", ...options });
  }

  /** The store writes nothing until what this returns is called. */
  holdWrites(): () => void {
    let release = (): void => undefined;
    this.confirm = new Promise((resolve) => (release = resolve));
    return release;
  }

  async stop(): Promise<void> {
    await this.server.close();
    await this.store.close();
  }

  private slowStore(): MessageStore {
    const { store, confirm } = this;
    return Object.create(store, {
      publish: {
        value: (...args: Parameters<MessageStore["publish"]>) => confirm.then(() => store.publish(...args)),
      },
    }) as MessageStore;
  }
}
