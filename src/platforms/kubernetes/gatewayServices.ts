import type * as pulumi from "@pulumi/pulumi";

import {
  GATEWAY_NAME,
  GATEWAY_PORTS,
  INSIDE_SERVICE_PORT,
  LINK_SERVICE,
  PUBLISHED_SERVICE,
  SCALER_SERVICE,
} from "../../spec";
import { SKIP_AWAIT, WAIT_FOR_ADDRESS } from "./awaiting";
import { selectorOf } from "./labels";
import type { CreatedObject, RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

export interface GatewayServices {
  /** What clients from outside reach. */
  published: CreatedObject;
  /** What KEDA asks. */
  scaler?: CreatedObject;
}

/** Makes the Services of a region's gateways. */
export function createGatewayServices(
  objects: RegionObjects,
  name: string,
  { service, url, autoscaler }: RegionSettings,
  parent: pulumi.Resource,
): GatewayServices {
  const role = { name: GATEWAY_NAME, component: "gateway", annotations: SKIP_AWAIT };
  const selector = selectorOf("gateway");
  // what is not ready is a gateway as well: instances link to it, and that makes it ready
  const links = {
    clusterIP: "None" as const,
    publishNotReadyAddresses: true,
    selector,
    ports: [{ name: "link", port: GATEWAY_PORTS.link, targetPort: "link" }],
  };
  objects.create(
    "Service",
    `${name}.gateway-links`,
    { ...role, objectName: LINK_SERVICE },
    { spec: links },
    { parent },
  );
  const inside = { selector, ports: [{ name: "http", port: INSIDE_SERVICE_PORT, targetPort: "http" }] };
  objects.create("Service", `${name}.gateway`, { ...role, objectName: GATEWAY_NAME }, { spec: inside }, { parent });
  const outside = {
    type: service.type,
    ...(service.externalTrafficPolicy !== undefined && { externalTrafficPolicy: service.externalTrafficPolicy }),
    selector,
    ports: [{ name: "http", port: service.port, targetPort: "published" }],
  };
  const annotations = { ...(url.isFinal ? SKIP_AWAIT : WAIT_FOR_ADDRESS), ...service.annotations };
  const identity = { ...role, objectName: PUBLISHED_SERVICE, annotations };
  const published = objects.create("Service", `${name}.gateway-published`, identity, { spec: outside }, { parent });
  if (autoscaler === "none") return { published };
  const questions = { selector, ports: [{ name: "grpc", port: GATEWAY_PORTS.scaler, targetPort: "scaler" }] };
  const scalerIdentity = { ...role, objectName: SCALER_SERVICE };
  const scaler = objects.create("Service", `${name}.gateway-scaler`, scalerIdentity, { spec: questions }, { parent });
  return { published, scaler };
}
