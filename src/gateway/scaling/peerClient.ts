import { Client, credentials, Metadata, type MethodDefinition, type ServiceError } from "@grpc/grpc-js";

import { PEER_TOKEN_KEY } from "./peerToken";
import { loads, type PeerLoad } from "./protocols/loads";
import { SharedAnswer } from "./sharedAnswer";

/** Time that a peer has to answer. Over it, it counts as one that cannot be asked. */
const DEADLINE_MS = 1_000;
/** How old a peer's loads may be, so that any number of functions costs one question a second. */
const LOADS_MAX_AGE_MS = 1_000;

const CHANNEL_OPTIONS = {
  // pods are reached directly, whatever proxy the environment names
  "grpc.enable_http_proxy": 0,
  // a restarted container has its address again: it must not be waited for longer than it takes to start
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // a host that vanished ends no connection
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 2_000,
  // thousands of functions with their instances
  "grpc.max_receive_message_length": 32 * 1024 * 1024,
  // a closed client must take its connection with it
  "grpc.use_local_subchannel_pool": 1,
};

/** Another replica's scaler. */
export class PeerClient {
  private readonly client: Client;
  private readonly answer = new SharedAnswer(() => this.ask(), LOADS_MAX_AGE_MS);

  constructor(
    readonly address: string,
    private readonly tokens: () => readonly string[],
  ) {
    this.client = new Client(address, credentials.createInsecure(), CHANNEL_OPTIONS);
  }

  /** Loads of all functions there by name, at most a second old; one that is not among them has none. */
  loads(): Promise<Map<string, PeerLoad>> {
    return this.answer.get();
  }

  /** Tells the peer which functions have work without capacity here. */
  async activate(functions: string[]): Promise<void> {
    await this.call(loads.Activate, { functions });
  }

  close(): void {
    this.client.close();
  }

  private async ask(): Promise<Map<string, PeerLoad>> {
    const { functions } = await this.call(loads.Get, {});
    return new Map(functions.map((load) => [load.name, load]));
  }

  private call<Request, Answer>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Answer>,
    request: Request,
  ): Promise<Answer> {
    const metadata = new Metadata();
    metadata.set(PEER_TOKEN_KEY, this.tokens().join(","));
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + DEADLINE_MS },
        (error: ServiceError | null, answer?: Answer) => (error === null ? resolve(answer!) : reject(error)),
      );
    });
  }
}
