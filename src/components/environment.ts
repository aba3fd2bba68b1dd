import { inspect } from "node:util";
import * as pulumi from "@pulumi/pulumi";

import type { ArgumentNames } from "../platforms/argumentNames";
import { local } from "../platforms/local";
import type { Params, Platform, RegionResources } from "../platforms/platform";
import { API_VERSION, problemWithName } from "../spec";
import { withDependencies } from "./dependencies";
import { checkParams, checkParamsSize, mergeParams, resolveParams } from "./params";
import { Problems, problemWithOutput, requireComponent } from "./problems";
import { Region } from "./region";
import type { ServerlessApp } from "./serverlessApp";

/** Arguments of {@link Environment}. */
export interface EnvironmentArgs {
  /** The app that the environment belongs to. */
  app: ServerlessApp;
  /**
   * What the environment is for, e.g. `"production"`: `req.appInfo.environmentType`. Must not be empty.
   */
  type: string;
  /**
   * The environment's regions by name, in the order in which outputs list them. A plain value: the names are those of
   * resources. An empty object is an error.
   * @default one region, `local`, on this machine
   */
  regions?: Record<string, Platform>;
  /**
   * Parameters of this environment, on top of the app's: one that is named here has this value. `local()` and
   * `kubernetes()` take `params` of one region, on top of these. Stored as secrets; what a region's handlers receive in
   * all is at most 256 KiB as JSON, anything else is an error.
   * @default the app's
   */
  params?: Params;
  /**
   * Changes the resources that each region has of its own: `document` and `params`, called once a region.
   * @default they stay as they are
   */
  transform?: RegionResources["transform"];
}

const NAMES: ArgumentNames<EnvironmentArgs> = {
  app: true,
  type: true,
  regions: true,
  params: true,
  transform: true,
};

/** A place where an app runs: production, staging, somebody's own. It has one region or more. */
export class Environment extends pulumi.ComponentResource {
  /** Name of the environment: `req.appInfo.environmentName`. */
  readonly name: string;
  /** The app that the environment belongs to. */
  readonly app: ServerlessApp;
  /** Its regions by name. */
  readonly regions: Readonly<Record<string, Region>>;
  /** Base address of each region's endpoints, by the region's name. */
  readonly urls: pulumi.Output<Record<string, string>>;
  /** Base address of the first region's endpoints. */
  readonly url: pulumi.Output<string>;

  /**
   * @param name - Lower-case letters, digits and dashes; at most 53 characters.
   * @throws ResourceError with all problems of the arguments.
   */
  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    const label = `Environment "${name}"`;
    requireComponent(label, "app", args?.app, "ServerlessApp");
    const { app, type, transform } = args;
    const problems = new Problems(label);
    problems.checkNames(args, NAMES);
    problems.add("name", problemWithName(name));
    problems.add("name", app.declarations.takeName("Environment", name));
    checkParams(args.params, problems);
    const planned = planRegions(name, args, problems);
    problems.throwIfAny();

    super("fullcode:index:Environment", name, {}, withDependencies(opts));
    this.name = name;
    this.app = app;
    const ownParams = resolveParams(args.params, label, this);
    const regions = planned.map(({ region, plan, document }) => {
      const place = { environment: name, region };
      const prefix = `regions.${region}.`;
      const layers = [app.paramValues, ownParams, resolveParams(plan.params, label, this, prefix)];
      const params = mergeParams(layers, label, this, prefix);
      const resources = { document, owner: this, params, transform };
      return new Region(place, plan, resources, { parent: this });
    });
    this.regions = Object.fromEntries(regions.map((region) => [region.place.region, region]));
    this.urls = pulumi.output(Object.fromEntries(regions.map((region) => [region.place.region, region.url])));
    this.url = regions[0].url;
    this.registerOutputs({ type, urls: this.urls, url: this.url });
  }
}

/** A plan for each region, its document checked. Whether all are complete, `problems` tells. */
function planRegions(
  environment: string,
  { app, type, params, regions = { local: local() } }: EnvironmentArgs,
  problems: Problems,
) {
  problems.add("regions", problemWithOutput(regions));
  const entries = pulumi.Output.isInstance(regions) ? [] : Object.entries(regions);
  if (entries.length === 0) problems.add("regions", "must have at least one region");
  return entries.flatMap(([region, platform]) => {
    if (typeof (platform as Partial<Platform> | undefined)?.plan !== "function") {
      problems.add(`regions.${region}`, `must be local() or kubernetes(), not ${inspect(platform, { depth: 0 })}`);
      return [];
    }
    const plan = platform.plan({ app: app.name, place: { environment, region } }, app.declarations.program);
    for (const [argument, message] of plan.problems)
      problems.add(`regions.${region}${argument === "" ? "" : `.${argument}`}`, message);
    checkParams(plan.params, problems, `regions.${region}.`);
    checkParamsSize([app.params, params, plan.params], problems, `regions.${region}.`);
    const names = { name: `regions.${region}`, environment: "name", environmentType: "type" };
    const document = problems.checkDocument(
      {
        kind: "Region",
        apiVersion: API_VERSION,
        name: region,
        app: app.name,
        environment,
        environmentType: type,
        ...plan.document,
        sessions: app.sessions,
      },
      names,
    );
    return document === undefined ? [] : [{ region, plan, document }];
  });
}
