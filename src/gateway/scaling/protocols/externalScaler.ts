import { type MethodDefinition } from "@grpc/grpc-js";

import { defineService } from "./service";

/** The ScaledObject that a call is about. */
export interface ScaledObjectRef {
  name: string;
  namespace: string;
  /** The trigger's metadata, all of it. */
  scalerMetadata: Record<string, string>;
}

export interface IsActiveResponse {
  result: boolean;
}

export interface GetMetricSpecResponse {
  /** KEDA takes `targetSizeFloat` where it is over 0; versions before it had that field take `targetSize`. */
  metricSpecs: { metricName: string; targetSize: number; targetSizeFloat: number }[];
}

export interface GetMetricsRequest {
  scaledObjectRef: ScaledObjectRef | null;
  metricName: string;
}

export interface GetMetricsResponse {
  /** KEDA takes `metricValueFloat` where it is over 0; versions before it had that field take `metricValue`. */
  metricValues: { metricName: string; metricValue: number; metricValueFloat: number }[];
}

export type ExternalScalerMethods = {
  readonly IsActive: MethodDefinition<ScaledObjectRef, IsActiveResponse>;
  readonly StreamIsActive: MethodDefinition<ScaledObjectRef, IsActiveResponse>;
  readonly GetMetricSpec: MethodDefinition<ScaledObjectRef, GetMetricSpecResponse>;
  readonly GetMetrics: MethodDefinition<GetMetricsRequest, GetMetricsResponse>;
};

/** What KEDA asks: names and numbers are those of KEDA 2.20.2, `pkg/scalers/externalscaler`. */
export const externalScaler = defineService<ExternalScalerMethods>("externalscaler", "ExternalScaler", {
  ExternalScaler: {
    methods: {
      IsActive: { requestType: "ScaledObjectRef", responseType: "IsActiveResponse" },
      StreamIsActive: { requestType: "ScaledObjectRef", responseType: "IsActiveResponse", responseStream: true },
      GetMetricSpec: { requestType: "ScaledObjectRef", responseType: "GetMetricSpecResponse" },
      GetMetrics: { requestType: "GetMetricsRequest", responseType: "GetMetricsResponse" },
    },
  },
  ScaledObjectRef: {
    fields: {
      name: { type: "string", id: 1 },
      namespace: { type: "string", id: 2 },
      scalerMetadata: { keyType: "string", type: "string", id: 3 },
    },
  },
  IsActiveResponse: { fields: { result: { type: "bool", id: 1 } } },
  GetMetricSpecResponse: { fields: { metricSpecs: { rule: "repeated", type: "MetricSpec", id: 1 } } },
  MetricSpec: {
    fields: {
      metricName: { type: "string", id: 1 },
      targetSize: { type: "int64", id: 2 },
      targetSizeFloat: { type: "double", id: 3 },
    },
  },
  GetMetricsRequest: {
    fields: {
      scaledObjectRef: { type: "ScaledObjectRef", id: 1 },
      metricName: { type: "string", id: 2 },
    },
  },
  GetMetricsResponse: { fields: { metricValues: { rule: "repeated", type: "MetricValue", id: 1 } } },
  MetricValue: {
    fields: {
      metricName: { type: "string", id: 1 },
      metricValue: { type: "int64", id: 2 },
      metricValueFloat: { type: "double", id: 3 },
    },
  },
});
