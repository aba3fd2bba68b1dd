import { type handleServerStreamingCall, type ServerWritableStream, status } from "@grpc/grpc-js";

import { type HealthCheckRequest, type HealthCheckResponse } from "../protocols/health";
import { ScalerError } from "../scalerError";
import { statusOf, unary } from "./unary";

/** Streams of `Watch` that are kept; each costs memory. */
const MAX_WATCHES = 100;

/** gRPC's health checking: says whether the scaler answers. */
export class HealthService {
  private readonly watches = new Set<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>>();
  private status: "SERVING" | "NOT_SERVING" = "SERVING";

  /** @param services - Full names of the services whose health can be asked for; all are as healthy as the server. */
  constructor(private readonly services: readonly string[]) {}

  readonly check = unary<HealthCheckRequest, HealthCheckResponse>(({ service }) => {
    if (!this.knows(service)) throw new ScalerError(status.NOT_FOUND, `service "${service}" is not known`);
    return { status: this.status };
  });

  readonly watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse> = (stream) => {
    if (this.watches.size >= MAX_WATCHES) {
      const error = new ScalerError(status.RESOURCE_EXHAUSTED, `health is watched ${MAX_WATCHES} times already`);
      stream.emit("error", statusOf(error));
      return;
    }
    stream.write({ status: this.knows(stream.request.service) ? this.status : "SERVICE_UNKNOWN" });
    this.watches.add(stream);
    for (const event of ["cancelled", "close", "error"]) stream.once(event, () => this.watches.delete(stream));
  };

  notServing(): void {
    if (this.status === "NOT_SERVING") return;
    this.status = "NOT_SERVING";
    for (const stream of this.watches) if (this.knows(stream.request.service)) stream.write({ status: this.status });
  }

  endAll(): void {
    for (const stream of this.watches) stream.end();
  }

  private knows(service: string): boolean {
    return service === "" || this.services.includes(service);
  }
}
