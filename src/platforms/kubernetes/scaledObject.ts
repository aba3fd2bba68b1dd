import type * as pulumi from "@pulumi/pulumi";

import {
  FUNCTION_LABEL,
  functionDeploymentName,
  type FunctionDocument,
  GATEWAY_PORTS,
  SCALER_METADATA,
  SCALER_SERVICE,
} from "../../spec";
import type { RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/** Has KEDA scale a function's Deployment by what its gateways say. */
export function createScaledObject(
  objects: RegionObjects,
  name: string,
  { namespace, pollingInterval, scalingBehavior }: RegionSettings,
  { name: functionName, scale, concurrency }: FunctionDocument,
  options: pulumi.CustomResourceOptions,
): void {
  const labels = { [FUNCTION_LABEL]: functionName };
  const identity = { objectName: functionName, name: functionName, component: "function", labels };
  const metadata = {
    scalerAddress: `${SCALER_SERVICE}.${namespace}.svc:${GATEWAY_PORTS.scaler}`,
    [SCALER_METADATA.function]: functionName,
    [SCALER_METADATA.concurrency]: String(concurrency),
  };
  const spec = {
    scaleTargetRef: { name: functionDeploymentName(functionName, true) },
    minReplicaCount: scale.min,
    maxReplicaCount: scale.max,
    cooldownPeriod: Math.ceil(scale.idleSeconds),
    pollingInterval,
    ...(scalingBehavior !== undefined && {
      advanced: { horizontalPodAutoscalerConfig: { behavior: scalingBehavior } },
    }),
    triggers: [{ type: "external-push", metadata }],
  };
  objects.create("ScaledObject", name, identity, { spec }, options);
}
