import * as pulumi from "@pulumi/pulumi";

import { instanceCommand } from "../../image";
import { INSTANCE_CONFIG_VARIABLE, type InstanceConfig, LINK_TOKEN_VARIABLE } from "../../link/instanceConfig";
import {
  FUNCTION_LABEL,
  functionDeploymentName,
  type FunctionDocument,
  INSTANCE_PROBE_PORT,
  INSTANCE_SECRETS_FOLDER,
  POD_NAME_VARIABLE,
} from "../../spec";
import { SKIP_AWAIT } from "./awaiting";
import { type FunctionSecrets, LINK_TOKEN_KEY } from "./functionSecrets";
import { selectorOf } from "./labels";
import type { Container } from "./objects";
import { fieldOfPod, httpProbe, literal, podSpec, SECRET_FILE_MODE, spreadOver } from "./pod";
import { cores, mebibytes } from "./quantities";
import type { CreatedObject, RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/** What an instance has beyond its timeout to write the last answer and to end. */
const GRACE_SECONDS = 5;
/** What a busy event loop may be silent beyond a timeout before it is ended. */
const BUSY_SECONDS = 10;
const LIVENESS_PERIOD_SECONDS = 10;
/** A fixed number of pods is taken back from whoever changed it, such as `kubectl scale`, in place of an error. */
const FORCE = { "pulumi.com/patchForce": "true" };
/** What starting a container and its process takes beside the function's own initialisation. */
const START_SECONDS = 15;
/**
 * What a custom runtime's agent takes beside the memory that the function declares: measured were 46 MiB of an idle one,
 * and 105 MiB after bodies of 5 MB, the largest that are usual.
 */
const AGENT_MEMORY_MIB = { request: 64, limit: 128 };

export interface FunctionDeploymentArgs {
  document: FunctionDocument;
  image: pulumi.Input<string>;
  config: pulumi.Input<InstanceConfig>;
  secrets: FunctionSecrets;
}

/** Labels that a function's pods are selected by. */
export function functionSelector(functionName: string): Record<string, string> {
  return selectorOf("function", { [FUNCTION_LABEL]: functionName });
}

/** Makes a function's Deployment. How many pods it has is up to the autoscaler, if there is one. */
export function createFunctionDeployment(
  objects: RegionObjects,
  name: string,
  settings: RegionSettings,
  args: FunctionDeploymentArgs,
  options: pulumi.CustomResourceOptions,
): CreatedObject {
  const { document } = args;
  const { name: functionName, version, scale } = document;
  const role = { name: functionName, component: "function", version, labels: { [FUNCTION_LABEL]: functionName } };
  const isScaled = settings.autoscaler === "keda";
  const identity = {
    ...role,
    // KEDA scales what has the name until its ScaledObject is deleted, which is at the end of a deployment: a Deployment
    // that lost its autoscaler under the same name could be left without pods
    objectName: functionDeploymentName(functionName, isScaled),
    // Broken code deploys, and its invocations say why. Nor could a function without instances be waited for: whether its
    // pods start shows at its next invocation. So the deployment ends before the roll-out does, and old Secrets with it.
    annotations: isScaled ? SKIP_AWAIT : { ...SKIP_AWAIT, ...FORCE },
  };
  const spec = {
    ...(!isScaled && { replicas: Math.max(scale.min, 1) }),
    selector: { matchLabels: functionSelector(functionName) },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
    template: objects.podTemplate(role, functionPod(settings, args)),
  };
  return objects.create("Deployment", name, identity, { spec }, options);
}

function functionPod(settings: RegionSettings, { document, image, config, secrets }: FunctionDeploymentArgs) {
  const files = [secrets.params, secrets.variables, secrets.agency].filter((file) => file !== undefined);
  const sources = files.map(({ secretName, key }) => ({ secret: { name: secretName, items: [{ key, path: key }] } }));
  const { affinity, runtimeClassName } = settings;
  return podSpec({
    gracePeriodSeconds: Math.ceil(document.timeoutSeconds) + GRACE_SECONDS,
    ...(affinity !== undefined && { affinity }),
    ...(runtimeClassName !== undefined && { runtimeClassName }),
    topologySpreadConstraints: spreadOver(functionSelector(document.name)),
    container: {
      name: "function",
      image,
      command: instanceCommand(document.runtime, { memoryMiB: document.memoryMiB }),
      env: [
        { ...literal(INSTANCE_CONFIG_VARIABLE, ""), value: pulumi.output(config).apply(configText) },
        fieldOfPod(POD_NAME_VARIABLE, "metadata.name"),
        { name: LINK_TOKEN_VARIABLE, valueFrom: { secretKeyRef: { name: secrets.link, key: LINK_TOKEN_KEY } } },
      ],
      ...(secrets.environment !== undefined && { envFrom: [{ secretRef: { name: secrets.environment } }] }),
      ports: [{ name: "probe", containerPort: INSTANCE_PROBE_PORT }],
      resources: resourcesOf(document),
      ...probesOf(document),
      volumeMounts: sources.length > 0 ? [{ name: "secrets", mountPath: INSTANCE_SECRETS_FOLDER, readOnly: true }] : [],
    },
    volumes: sources.length > 0 ? [{ name: "secrets", projected: { sources, defaultMode: SECRET_FILE_MODE } }] : [],
  });
}

function configText(config: InstanceConfig): string {
  return literal(INSTANCE_CONFIG_VARIABLE, JSON.stringify(config)).value as string;
}

/** CPU has no limit: a start takes seconds of it, and what a node has to spare is free. */
function resourcesOf({ runtime, memoryMiB, cpuCores }: FunctionDocument): Container["resources"] {
  const agent = runtime === "custom" ? AGENT_MEMORY_MIB : { request: 0, limit: 0 };
  return {
    requests: { cpu: cores(cpuCores), memory: mebibytes(memoryMiB + agent.request) },
    limits: { memory: mebibytes(memoryMiB + agent.limit) },
  };
}

function probesOf({ timeoutSeconds, limits }: FunctionDocument) {
  const busyPeriods = Math.floor((timeoutSeconds + BUSY_SECONDS) / LIVENESS_PERIOD_SECONDS) + 1;
  return {
    startupProbe: httpProbe("/live", "probe", {
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: Math.ceil(limits.initSeconds) + START_SECONDS,
    }),
    livenessProbe: httpProbe("/live", "probe", {
      periodSeconds: LIVENESS_PERIOD_SECONDS,
      timeoutSeconds: 5,
      failureThreshold: busyPeriods,
    }),
    readinessProbe: httpProbe("/ready", "probe", { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 3 }),
  };
}
