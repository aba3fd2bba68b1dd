import { DiscoveryV1Api, type KubeConfig, type V1EndpointSlice } from "@kubernetes/client-node";

import { LINK_SERVICE } from "../../spec";
import { ObjectWatch } from "./objectWatch";

/** One gateway of the region. */
export interface Replica {
  /** Name of its pod. */
  name: string;
  ip: string;
  ready: boolean;
  /** It is being ended, and finishes what it has. */
  terminating: boolean;
}

/** Follows which gateways a region has, ready ones and others, by the endpoints of their headless Service. */
export class ReplicaWatch {
  private readonly watch: ObjectWatch<V1EndpointSlice>;
  private replicas: readonly Replica[] = [];

  constructor(
    config: KubeConfig,
    namespace: string,
    private readonly onChange: (replicas: readonly Replica[]) => void,
    onStatus: (level: "info" | "warn", message: string) => void,
  ) {
    const labelSelector = `kubernetes.io/service-name=${LINK_SERVICE}`;
    this.watch = new ObjectWatch({
      config,
      path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      labelSelector,
      list: (access) => access.makeApiClient(DiscoveryV1Api).listNamespacedEndpointSlice({ namespace, labelSelector }),
      onChange: (slices) => this.read(slices),
      onStatus,
    });
  }

  /** All gateways, this one included once its endpoint is known. */
  get current(): readonly Replica[] {
    return this.replicas;
  }

  get isKnown(): boolean {
    return this.watch.isKnown;
  }

  start(): void {
    this.watch.start();
  }

  stop(): Promise<void> {
    return this.watch.stop();
  }

  private read(slices: readonly V1EndpointSlice[]): void {
    const replicas = new Map<string, Replica>();
    for (const { endpoints } of slices)
      for (const { addresses, targetRef, conditions } of endpoints ?? [])
        for (const ip of addresses)
          replicas.set(ip, {
            name: targetRef?.name ?? ip,
            ip,
            // `ready` is no help: the Service publishes addresses that are not
            ready: conditions?.serving !== false && conditions?.terminating !== true,
            terminating: conditions?.terminating === true,
          });
    const next = [...replicas.values()].sort((a, b) => (a.ip < b.ip ? -1 : 1));
    if (JSON.stringify(next) === JSON.stringify(this.replicas)) return;
    this.replicas = next;
    this.onChange(next);
  }
}
