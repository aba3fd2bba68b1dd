import {
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import { join } from "node:path";

const service = loadSync(join(__dirname, "externalScaler.proto"), { longs: Number, defaults: true })[
  "externalscaler.ExternalScaler"
] as ServiceDefinition as unknown as {
  IsActive: MethodDefinition<Ref, { result: boolean }>;
  StreamIsActive: MethodDefinition<Ref, { result: boolean }>;
  GetMetricSpec: MethodDefinition<
    Ref,
    { metricSpecs: { metricName: string; targetSize: number; targetSizeFloat: number }[] }
  >;
  GetMetrics: MethodDefinition<
    { scaledObjectRef: Ref; metricName: string },
    { metricValues: { metricValue: number; metricValueFloat: number }[] }
  >;
};

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

interface Ref {
  name: string;
  namespace: string;
  scalerMetadata: Record<string, string>;
}

/** What one look at a function gives. */
export interface Look {
  /** Name and target of the metric, as the HorizontalPodAutoscaler gets them. */
  metric: string;
  target: number;
  value: number;
  active: boolean;
}

/** Asks a scaler for functions' loads and activity as KEDA 2.20.2 does, without deadlines. */
export class KedaClient {
  private readonly client: Client;
  private readonly watches: ActivationWatch[] = [];

  /** @param addresses - One, or those behind a Service: the first that takes connections is used. */
  constructor(...addresses: string[]) {
    this.client = new Client(`ipv4:${addresses.join(",")}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 500,
    });
  }

  /** Looks at a function as KEDA's scale loop does: the spec, its metric's value, and whether it is active. */
  async look(functionName: string, metadata: Record<string, string> = {}): Promise<Look> {
    const scaledObject = ref(functionName, metadata);
    const spec = await this.spec(functionName, metadata);
    const question = { scaledObjectRef: scaledObject, metricName: spec.metric };
    const { metricValues } = await KedaClient.call(this.client, service.GetMetrics, question);
    const [{ metricValue, metricValueFloat }] = metricValues;
    const { result } = await KedaClient.call(this.client, service.IsActive, scaledObject);
    return { ...spec, value: metricValueFloat > 0 ? metricValueFloat : metricValue, active: result };
  }

  /** Asks for the metric's name and target, as KEDA does when it makes the HorizontalPodAutoscaler. */
  async spec(functionName: string, metadata: Record<string, string> = {}): Promise<Pick<Look, "metric" | "target">> {
    const { metricSpecs } = await KedaClient.call(this.client, service.GetMetricSpec, ref(functionName, metadata));
    const [{ metricName, targetSize, targetSizeFloat }] = metricSpecs;
    return { metric: metricName, target: targetSizeFloat > 0 ? targetSizeFloat : targetSize };
  }

  /** Keeps a stream open for a function until this is closed, as KEDA does for each ScaledObject. */
  watch(functionName: string): ActivationWatch {
    const watch = new ActivationWatch(this.client, functionName);
    this.watches.push(watch);
    return watch;
  }

  /** Calls a method of any service. */
  static call<Request, Answer>(
    client: Client,
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Answer>,
    request: Request,
    metadata = new Metadata(),
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        (error: ServiceError | null, answer?: Answer) => (error === null ? resolve(answer!) : reject(error)),
      );
    });
  }

  close(): void {
    for (const watch of this.watches) watch.stop();
    this.client.close();
  }
}

/**
 * KEDA's stream of one function. After a stream has ended with OK the next is opened 2 seconds later; after any other end
 * the pause doubles each time, up to a minute, until one ends with OK.
 */
export class ActivationWatch {
  /** Times at which work was announced. */
  readonly activations: number[] = [];
  /** How streams ended. */
  readonly ends: status[] = [];
  /** What KEDA ignores, so what nobody should send. */
  inactivations = 0;
  private pauseMs = FIRST_PAUSE_MS;
  private stream: ClientReadableStream<{ result: boolean }> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly client: Client,
    private readonly functionName: string,
  ) {
    this.open();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.stream?.cancel();
  }

  private open(): void {
    const { path, requestSerialize, responseDeserialize } = service.StreamIsActive;
    const scaledObject = ref(this.functionName, {});
    this.stream = this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, scaledObject);
    this.stream.on("data", ({ result }: { result: boolean }) => {
      if (result) this.activations.push(Date.now());
      else this.inactivations++;
    });
    // ends are told by the status
    this.stream.on("error", () => undefined);
    this.stream.on("status", ({ code }: { code: status }) => {
      if (this.stopped) return;
      this.ends.push(code);
      if (code === status.OK) this.pauseMs = FIRST_PAUSE_MS;
      this.timer = setTimeout(() => this.open(), this.pauseMs);
      this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    });
  }
}

function ref(functionName: string, metadata: Record<string, string>): Ref {
  return {
    name: functionName,
    namespace: "shop-production",
    scalerMetadata: { scalerAddress: "gateway-scaler:9090", function: functionName, ...metadata },
  };
}
