import type * as pulumi from "@pulumi/pulumi";

import { GATEWAY_NAME, GATEWAY_PORTS, LINK_SERVICE, SCALER_SERVICE } from "../../spec";
import { SKIP_AWAIT, WAIT_FOR_ADDRESS } from "./awaiting";
import { selectorOf } from "./labels";
import type { CreatedObject, RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/** Makes the Services of a region's gateways and returns the one of the endpoints. */
export function createGatewayServices(
  objects: RegionObjects,
  name: string,
  { service, url, autoscaler }: RegionSettings,
  parent: pulumi.Resource,
): CreatedObject {
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
  if (autoscaler === "keda") {
    const scaler = { selector, ports: [{ name: "grpc", port: GATEWAY_PORTS.scaler, targetPort: "scaler" }] };
    const identity = { ...role, objectName: SCALER_SERVICE };
    objects.create("Service", `${name}.gateway-scaler`, identity, { spec: scaler }, { parent });
  }
  const spec = {
    type: service.type,
    selector,
    ports: [{ name: "http", port: service.port, targetPort: "http" }],
  };
  const annotations = { ...(url.isFinal ? SKIP_AWAIT : WAIT_FOR_ADDRESS), ...service.annotations };
  const identity = { ...role, objectName: GATEWAY_NAME, annotations };
  return objects.create("Service", `${name}.gateway`, identity, { spec }, { parent });
}
