import * as pulumi from "@pulumi/pulumi";

import type { FunctionPlatform, FunctionResources } from "../platforms/platform";
import type { Region } from "./region";

/** One function in one region. Made by the function. */
export class FunctionRegion extends pulumi.ComponentResource {
  /** Digest of the function's image; absent where functions are not run from images. */
  readonly imageDigest: FunctionPlatform["imageDigest"];

  constructor(region: Region, resources: FunctionResources, opts: pulumi.ComponentResourceOptions) {
    const { name, version } = resources.document;
    const { environment, region: regionName } = region.place;
    super("fullcode:index:FunctionRegion", `${name}.${environment}.${regionName}`, {}, opts);
    this.imageDigest = region.platform.createFunction(resources, this).imageDigest;
    this.registerOutputs({ version, imageDigest: this.imageDigest });
  }
}
