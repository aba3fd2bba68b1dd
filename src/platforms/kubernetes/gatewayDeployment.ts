import type * as pulumi from "@pulumi/pulumi";

import { gatewayCommand } from "../../image";
import {
  API_VERSION,
  GATEWAY_CONFIG_VARIABLE,
  GATEWAY_NAME,
  GATEWAY_PORTS,
  GATEWAY_SECRETS_FOLDER,
  GATEWAY_STATE_FOLDER,
  type GatewayConfig,
  heapArguments,
  limits,
  POD_IP_VARIABLE,
  POD_NAME_VARIABLE,
} from "../../spec";
import { selectorOf } from "./labels";
import { fieldOfPod, httpProbe, literal, podSpec, preferOtherNodes, SECRET_FILE_MODE, spreadOver } from "./pod";
import { cores, mebibytes } from "./quantities";
import type { CreatedObject, RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/** Share of the memory that the JavaScript heap may take; held requests are beside it. */
const HEAP_SHARE = 0.5;
/** What a gateway takes without much that is held. */
const REQUESTED_MEMORY_MIB = 256;
const STATE_SPACE = "1Gi";

export interface GatewayDeploymentArgs {
  image: pulumi.Input<string>;
  /** Name of the Secret with what {@link GATEWAY_SECRETS_FOLDER} has. */
  secretName: pulumi.Input<string>;
  dependsOn: pulumi.Resource[];
}

/** Makes the gateways' Deployment, and what keeps a drained node from ending them all. */
export function createGatewayDeployment(
  objects: RegionObjects,
  name: string,
  settings: RegionSettings,
  { image, secretName, dependsOn }: GatewayDeploymentArgs,
  parent: pulumi.Resource,
): CreatedObject {
  const { replicas } = settings.gateway;
  const role = { name: GATEWAY_NAME, component: "gateway" };
  const identity = { ...role, objectName: GATEWAY_NAME };
  const matchLabels = selectorOf("gateway");
  const disruption = { maxUnavailable: 1, selector: { matchLabels } };
  objects.create("PodDisruptionBudget", `${name}.gateway`, identity, { spec: disruption }, { parent });
  const spec = {
    replicas,
    selector: { matchLabels },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
    template: objects.podTemplate(role, gatewayPod(settings, image, secretName)),
  };
  return objects.create("Deployment", `${name}.gateway`, identity, { spec }, { parent, dependsOn });
}

function gatewayPod(settings: RegionSettings, image: pulumi.Input<string>, secretName: pulumi.Input<string>) {
  const { memory, cpu } = settings.gateway;
  const matchLabels = selectorOf("gateway");
  return podSpec({
    serviceAccountName: GATEWAY_NAME,
    gracePeriodSeconds: limits.LONGEST_LEAVE_SECONDS,
    affinity: { ...preferOtherNodes(matchLabels), ...settings.affinity },
    topologySpreadConstraints: spreadOver(matchLabels),
    container: {
      name: "gateway",
      image,
      command: gatewayCommand(heapArguments(memory, HEAP_SHARE)),
      env: [
        literal(GATEWAY_CONFIG_VARIABLE, JSON.stringify(configOf(settings))),
        fieldOfPod(POD_NAME_VARIABLE, "metadata.name"),
        fieldOfPod(POD_IP_VARIABLE, "status.podIP"),
      ],
      ports: [
        { name: "http", containerPort: GATEWAY_PORTS.http },
        { name: "published", containerPort: GATEWAY_PORTS.published },
        { name: "link", containerPort: GATEWAY_PORTS.link },
        { name: "scaler", containerPort: GATEWAY_PORTS.scaler },
        { name: "probe", containerPort: GATEWAY_PORTS.probe },
      ],
      resources: {
        requests: { cpu: cores(cpu), memory: mebibytes(Math.min(memory, REQUESTED_MEMORY_MIB)) },
        limits: { memory: mebibytes(memory) },
      },
      startupProbe: httpProbe("/live", "probe", { periodSeconds: 1, failureThreshold: 60 }),
      livenessProbe: httpProbe("/live", "probe", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
      readinessProbe: httpProbe("/ready", "probe", { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 3 }),
      volumeMounts: [
        { name: "secrets", mountPath: GATEWAY_SECRETS_FOLDER, readOnly: true },
        { name: "state", mountPath: GATEWAY_STATE_FOLDER },
      ],
    },
    volumes: [
      { name: "secrets", secret: { secretName, defaultMode: SECRET_FILE_MODE } },
      { name: "state", emptyDir: { sizeLimit: STATE_SPACE } },
    ],
  });
}

function configOf({ namespace, app, place, nats }: RegionSettings): GatewayConfig {
  return {
    apiVersion: API_VERSION,
    namespace,
    app,
    environment: place.environment,
    region: place.region,
    nats: { url: nats.url, replicas: nats.replicas },
  };
}
