import * as pulumi from "@pulumi/pulumi";

import type { TriggerDocument, TriggerResources } from "../platforms/platform";
import { problemWithName } from "../spec";
import type { FullCodeFunction } from "./fullCodeFunction";
import { mapObject } from "./mapObject";
import { type Problems, problemWithUnknownRegion } from "./problems";
import type { Region } from "./region";

/** Arguments that all triggers have. */
export interface TriggerArgs<Document extends TriggerDocument> {
  /** The function that is invoked. */
  function: FullCodeFunction;
  /**
   * Names of the regions that the trigger is in. One that no environment of the function has is an error.
   * @default all regions of the function's environments
   */
  regions?: readonly string[];
  /**
   * Changes the trigger's document, called once a region.
   * @default it stays as it is
   */
  transform?: TriggerResources<Document>["transform"];
}

/** Checks what all triggers have in common, and returns the regions that the trigger is in. */
export function checkTrigger(
  kind: string,
  name: string,
  args: Pick<TriggerArgs<TriggerDocument>, "function" | "regions">,
  problems: Problems,
): Region[] {
  problems.add("name", problemWithName(name));
  problems.add("name", args.function.app.declarations.takeName(kind, name));
  const { environments } = args.function;
  if (environments.length === 0)
    problems.add("function", `"${args.function.name}" has no environments, so nothing could ever invoke it`);
  const all = environments.flatMap((environment) => Object.values(environment.regions));
  if (args.regions === undefined) return all;
  const known = new Set(all.map(({ place }) => place.region));
  if (args.regions.length === 0) problems.add("regions", "must name at least one region");
  args.regions.forEach((region, index) => {
    if (!known.has(region)) problems.add(`regions[${index}]`, problemWithUnknownRegion(region, known));
  });
  return all.filter(({ place }) => args.regions?.includes(place.region));
}

/** Makes the trigger's resource in each region. */
export function createTrigger<Document extends TriggerDocument>(
  parent: pulumi.ComponentResource,
  regions: readonly Region[],
  resources: TriggerResources<Document>,
): void {
  for (const region of regions) region.platform.createTrigger(resources, parent);
}

/** Addresses by environment and region. */
export type RegionalUrls = Record<string, Record<string, string>>;

/**
 * Addresses of a path in each region.
 *
 * @param side - Whether they are those that clients have, or those inside.
 */
export function urlsOf(
  regions: readonly Region[],
  path: string,
  side: "outside" | "inside" = "outside",
): pulumi.Output<RegionalUrls> {
  const environments = [...new Set(regions.map(({ place }) => place.environment))];
  return pulumi.output(
    mapObject(
      environments,
      (environment) => environment,
      (environment) =>
        mapObject(
          regions.filter(({ place }) => place.environment === environment),
          ({ place }) => place.region,
          ({ url, insideUrl }) => (side === "inside" ? insideUrl : url).apply((base) => base + path),
        ),
    ),
  );
}
