import * as pulumi from "@pulumi/pulumi";

import { entrypointWarning } from "../code/entrypointWarning";
import { resolveAgency } from "./agency";
import { withDependencies } from "./dependencies";
import type { Environment } from "./environment";
import type { FullCodeFunctionArgs } from "./functionArgs";
import { documentIn, type FunctionPlan, planFunction } from "./functionPlan";
import { FunctionRegion } from "./functionRegion";
import { mapObject } from "./mapObject";
import type { Region } from "./region";
import type { ServerlessApp } from "./serverlessApp";
import { resolveVariables } from "./variables";

/** A function: a folder of code that endpoints, queues and schedules invoke. */
export class FullCodeFunction extends pulumi.ComponentResource {
  /** Name of the function: `req.appInfo.functionName`. */
  readonly name: string;
  /** The app that the function belongs to. */
  readonly app: ServerlessApp;
  /** Where the function runs. */
  readonly environments: readonly Environment[];
  /**
   * Content hash of the code: 16 hexadecimal digits. Where regions run images, it is that of what an image has of the code,
   * the same on every machine; `local()` regions beside them have another one if there are files that images leave out.
   */
  readonly version: pulumi.Output<string>;
  /**
   * Digest of the function's image, by environment and region. Regions that run functions without images, as `local()`
   * ones do, have none.
   */
  readonly imageDigest: pulumi.Output<Record<string, Record<string, string | undefined>>>;

  /**
   * @param name - Lower-case letters, digits and dashes; at most 53 characters.
   * @throws ResourceError with all problems of the arguments.
   */
  constructor(name: string, args: FullCodeFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    const plan = planFunction(name, args);
    super("fullcode:index:FullCodeFunction", name, {}, withDependencies(opts));
    this.name = name;
    this.app = args.app;
    this.environments = [...args.environments];
    const runsImages = this.environments.some(({ regions }) =>
      Object.values(regions).some(({ platform }) => platform.runsImages === true),
    );
    this.version = pulumi.output(runsImages ? plan.code.imageVersion : plan.code.version);
    this.warn(plan, args);
    const createIn = (environment: Environment) =>
      mapObject(
        Object.values(environment.regions),
        ({ place }) => place.region,
        (region) => this.createRegion(region, plan, args).imageDigest,
      );
    this.imageDigest = pulumi.output(mapObject(this.environments, ({ name }) => name, createIn));
    this.registerOutputs({ version: this.version, imageDigest: this.imageDigest });
  }

  private createRegion(region: Region, plan: FunctionPlan, args: FullCodeFunctionArgs): FunctionRegion {
    const { variables, egress } = plan.regions.get(region.place.region)!;
    const component = `FullCodeFunction "${this.name}"`;
    const resources = {
      document: documentIn(plan, region),
      owner: this,
      code: plan.path,
      variables: resolveVariables(variables, component, this),
      agency: resolveAgency(args.agency, component, this),
      baseImage: args.baseImage,
      egress,
      transform: args.transform,
    };
    return new FunctionRegion(region, resources, { parent: this });
  }

  /** Says what invocations would fail for: it stops no deployment. */
  private warn({ path, code }: FunctionPlan, { runtime, entrypoint }: FullCodeFunctionArgs): void {
    const warnings = [
      this.environments.length === 0 ? "`environments` is empty: the function runs nowhere" : undefined,
      entrypointWarning(path, runtime ?? code.runtime, entrypoint, code.contents),
    ];
    for (const warning of warnings)
      if (warning !== undefined) void pulumi.log.warn(`FullCodeFunction "${this.name}": ${warning}`, this);
  }
}
