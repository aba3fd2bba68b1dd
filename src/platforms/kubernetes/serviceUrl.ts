import * as pulumi from "@pulumi/pulumi";

import type { CreatedObject } from "./regionObjects";
import { httpUrl, type RegionSettings } from "./settings";

interface ServiceStatus {
  loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] };
}

/** Address of a Service's load balancer, known once there is one. */
export function loadBalancerUrl(
  service: CreatedObject,
  { service: { port }, place }: RegionSettings,
): pulumi.Output<string> {
  const { status } = service as unknown as { status: pulumi.Output<ServiceStatus | undefined> };
  return status.apply((known) => {
    const [{ hostname, ip } = {}] = known?.loadBalancer?.ingress ?? [];
    const host = hostname ?? ip;
    if (host !== undefined) return httpUrl(host, port);
    // a preview has the status of the Service as it is now: of one that was another type, without an address
    if (pulumi.runtime.isDryRun()) return pulumi.unknown as unknown as string;
    throw new pulumi.RunError(
      `the load balancer of region "${place.environment}/${place.region}" has no address; does the cluster give Services of type LoadBalancer one? Otherwise set \`url\``,
    );
  });
}
