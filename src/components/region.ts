import * as pulumi from "@pulumi/pulumi";

import type { RegionPlace, RegionPlan, RegionPlatform, RegionResources } from "../platforms/platform";
import type { QueueDocument } from "../spec/documentTypes";
import { RouteTable } from "./routeTable";

/** One region of an environment. Made by the environment. */
export class Region extends pulumi.ComponentResource {
  /** Base address of the region's endpoints. */
  readonly url: pulumi.Output<string>;
  /** Provider of the region's objects in its cluster, for objects of your own; `undefined` for `local()` regions. */
  readonly provider: pulumi.ProviderResource | undefined;
  /** The region's namespace, known once there is one; `undefined` for `local()` regions. */
  readonly namespace: pulumi.Output<string> | undefined;
  /** @internal Base address for those inside its cluster, or on its machine. */
  readonly insideUrl: pulumi.Output<string>;
  /** @internal Where functions and triggers of the region are put. */
  readonly platform: RegionPlatform;
  /** @internal Its endpoints. */
  readonly routes = new RouteTable();
  /** @internal Name of the queue → its trigger. */
  readonly queues = new Map<string, QueueDocument>();

  constructor(
    /** The region's environment and name. */
    readonly place: RegionPlace,
    plan: RegionPlan,
    resources: RegionResources,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("fullcode:index:Region", `${place.environment}.${place.region}`, {}, opts);
    this.platform = plan.create(resources, this);
    this.url = this.platform.url;
    this.insideUrl = this.platform.insideUrl;
    this.provider = this.platform.provider;
    this.namespace = this.platform.namespace;
    this.registerOutputs({ url: this.url, namespace: this.namespace });
  }
}
