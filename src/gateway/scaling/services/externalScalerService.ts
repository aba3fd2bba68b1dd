import { type handleServerStreamingCall, status } from "@grpc/grpc-js";

import { SCALER_METADATA } from "../../../spec";
import { type ActivationStreams } from "../activationStreams";
import { type LocalLoads } from "../functionLoad";
import {
  type GetMetricsRequest,
  type GetMetricsResponse,
  type GetMetricSpecResponse,
  type IsActiveResponse,
  type ScaledObjectRef,
} from "../protocols/externalScaler";
import { ScalerError, unknownFunction } from "../scalerError";
import { type TotalLoads } from "../totalLoads";
import { statusOf, unary } from "./unary";

/** The one metric: KEDA puts `s0-` in front. The autoscaler wants `ceil(load / target)` instances. */
const METRIC = "load";

export interface ExternalScalerOptions {
  loads: LocalLoads;
  totals: TotalLoads;
  streams: ActivationStreams;
  /** Streams are ended at once: KEDA comes back in two seconds, to a replica that stays. */
  isDraining: () => boolean;
}

/** What KEDA calls. */
export function externalScalerService({ loads, totals, streams, isDraining }: ExternalScalerOptions) {
  return {
    IsActive: unary<ScaledObjectRef, IsActiveResponse>(async (ref) => {
      const { active } = await totals.of(functionOf(ref));
      return { result: active };
    }),

    StreamIsActive: ((stream) => {
      try {
        const name = functionOf(stream.request);
        // whoever reaches the port can ask for any name. One whose document is only on its way is asked for again in two seconds
        if (!loads.functions().has(name)) throw unknownFunction(name);
        streams.add(name, stream);
        if (isDraining()) stream.end();
        else if (loads.load(name)?.withoutCapacity === true) streams.push(name);
      } catch (error) {
        stream.emit("error", statusOf(error as Error));
      }
    }) satisfies handleServerStreamingCall<ScaledObjectRef, IsActiveResponse>,

    GetMetricSpec: unary<ScaledObjectRef, GetMetricSpecResponse>((ref) => {
      const target = concurrencyOf(ref, loads);
      return { metricSpecs: [{ metricName: METRIC, targetSize: target, targetSizeFloat: target }] };
    }),

    GetMetrics: unary<GetMetricsRequest, GetMetricsResponse>(async ({ scaledObjectRef, metricName }) => {
      const name = functionOf(scaledObjectRef);
      if (metricName !== METRIC)
        throw new ScalerError(status.NOT_FOUND, `metric "${metricName}" is not known: there is "${METRIC}" only`);
      const { load } = await totals.of(name);
      return { metricValues: [{ metricName, metricValue: load, metricValueFloat: load }] };
    }),
  };
}

function functionOf(ref: ScaledObjectRef | null): string {
  const name = ref?.scalerMetadata[SCALER_METADATA.function] ?? "";
  if (name === "")
    throw new ScalerError(
      status.INVALID_ARGUMENT,
      `ScaledObject ${ref?.namespace}/${ref?.name}: the trigger's metadata must name its function: ${SCALER_METADATA.function}`,
    );
  return name;
}

function concurrencyOf(ref: ScaledObjectRef, loads: LocalLoads): number {
  const name = functionOf(ref);
  const given = ref.scalerMetadata[SCALER_METADATA.concurrency];
  if (given === undefined) {
    const scaled = loads.functions().get(name);
    if (scaled === undefined) throw unknownFunction(name);
    return scaled.document.concurrency;
  }
  if (!/^[1-9]\d{0,8}$/.test(given))
    throw new ScalerError(
      status.INVALID_ARGUMENT,
      `ScaledObject ${ref.namespace}/${ref.name}: ${SCALER_METADATA.concurrency} must be a whole number over 0, not "${given}"`,
    );
  return Number(given);
}
