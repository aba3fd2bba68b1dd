import type * as pulumi from "@pulumi/pulumi";

import { GATEWAY_NAME, limits, PUBLISHED_SERVICE } from "../../spec";
import { withoutUndefined } from "../withoutUndefined";
import { SKIP_AWAIT } from "./awaiting";
import type { RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/** ingress-nginx refuses bodies over 1 MiB, ends requests after 60 s and gathers streams, unless it is told not to. */
const NGINX_ANNOTATIONS = {
  "nginx.ingress.kubernetes.io/proxy-body-size": "0",
  "nginx.ingress.kubernetes.io/proxy-buffering": "off",
  "nginx.ingress.kubernetes.io/proxy-request-buffering": "off",
  "nginx.ingress.kubernetes.io/proxy-read-timeout": waitSeconds(),
  "nginx.ingress.kubernetes.io/proxy-send-timeout": waitSeconds(),
};

/**
 * Publishes the endpoints by an Ingress or an HTTPRoute, if the region has one.
 *
 * @param options - Of the resources: they should depend on gateways that have the port for it.
 */
export function createGatewayRoutes(
  objects: RegionObjects,
  name: string,
  { ingress, httpRoute, service }: RegionSettings,
  options: pulumi.CustomResourceOptions,
): void {
  const identity = { objectName: GATEWAY_NAME, name: GATEWAY_NAME, component: "gateway" };
  if (ingress !== undefined) {
    const { host, className, tlsSecret } = ingress;
    // many controllers never report an address, which is what the provider would wait for
    const annotations = { ...SKIP_AWAIT, ...NGINX_ANNOTATIONS, ...ingress.annotations };
    const backend = { service: { name: PUBLISHED_SERVICE, port: { name: "http" } } };
    const spec = {
      ...(className !== undefined && { ingressClassName: className }),
      ...(tlsSecret !== undefined && { tls: [{ hosts: [host], secretName: tlsSecret }] }),
      rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
    };
    objects.create("Ingress", `${name}.gateway`, { ...identity, annotations }, { spec }, options);
  }
  if (httpRoute !== undefined) {
    const spec = {
      hostnames: [httpRoute.host],
      parentRefs: [withoutUndefined(httpRoute.gateway)],
      // of implementations, Envoy Gateway ends requests after 15 s unless it is told not to
      rules: [
        { backendRefs: [{ name: PUBLISHED_SERVICE, port: service.port }], timeouts: { request: `${waitSeconds()}s` } },
      ],
    };
    objects.create("HTTPRoute", `${name}.gateway`, identity, { spec }, options);
  }
}

/** A request may wait for an instance and then run for the longest timeout. */
function waitSeconds(): string {
  return String(limits.MAX_TIMEOUT_SECONDS + limits.INSTANCE_WAIT_SECONDS);
}
