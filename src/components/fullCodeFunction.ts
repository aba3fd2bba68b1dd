import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import { entrypointWarning, inspectCode, type InspectedCode } from "../code/inspectCode";
import { API_VERSION, type DocumentInput, type FunctionDocument, limits, problemWithName } from "../spec";
import type { Environment } from "./environment";
import type { FullCodeFunctionArgs, FunctionSettings } from "./functionArgs";
import { FunctionRegion } from "./functionRegion";
import { Problems, problemWithOutput, problemWithUnknownRegion } from "./problems";
import type { Region } from "./region";
import { mapObject } from "./mapObject";
import type { ServerlessApp } from "./serverlessApp";
import { checkVariables, resolveVariables, type Variables } from "./variables";

type FunctionDocumentInput = Extract<DocumentInput, { kind: "Function" }>;

/** Fields of the document → the arguments they come from. */
const ARGUMENT_NAMES = {
  timeoutSeconds: "timeout",
  memoryMiB: "memory",
  cpuCores: "cpu",
  "scale.idleSeconds": "scale.idle",
};

/** A function: a folder of code that endpoints, queues and schedules invoke. */
export class FullCodeFunction extends pulumi.ComponentResource {
  /** Name of the function: `req.appInfo.functionName`. */
  readonly name: string;
  readonly app: ServerlessApp;
  /** Where the function runs. */
  readonly environments: readonly Environment[];
  /** Content hash of the code: 16 hexadecimal digits. */
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
    super("fullcode:index:FullCodeFunction", name, {}, opts);
    const label = `FullCodeFunction "${name}"`;
    const { app, environments, transform } = args;
    const problems = new Problems(label, this);
    problems.add("name", problemWithName(name));
    problems.add("name", app.declarations.takeName("FullCodeFunction", name));
    checkEnvironments(app, environments, problems);
    const path = resolve(String(args.code));
    const code = checkCode(args.code, path, problems);
    const settings = settleRegions(args, problems);
    checkVariables(args.variables ?? {}, problems);
    const common = problems.checkDocument(documentOf(name, args, code), ARGUMENT_NAMES);
    const documents = new Map<string, FunctionDocument>();
    for (const [region, regional] of settings) {
      const prefix = `regions.${region}.`;
      checkVariables(args.regions?.[region]?.variables ?? {}, problems, prefix);
      const input = documentOf(name, { ...args, ...regional }, code);
      const document = common && problems.checkDocument(input, ARGUMENT_NAMES, prefix);
      if (document !== undefined) documents.set(region, document);
    }
    problems.throwIfAny();
    this.name = name;
    this.app = app;
    this.environments = [...environments];
    this.warn(path, code, args);

    this.version = pulumi.output(code.version);
    const createIn = (region: Region): FunctionRegion => {
      const { variables } = settings.get(region.place.region)!;
      const resources = {
        document: documents.get(region.place.region)!,
        code: path,
        variables: resolveVariables(variables, label, this),
        transform,
      };
      return new FunctionRegion(region, resources, { parent: this });
    };
    this.imageDigest = pulumi.output(
      mapObject(
        environments,
        (environment) => environment.name,
        (environment) =>
          mapObject(
            Object.values(environment.regions),
            (region) => region.place.region,
            (region) => createIn(region).imageDigest,
          ),
      ),
    );
    this.registerOutputs({ version: this.version, imageDigest: this.imageDigest });
  }

  /** Says what invocations would fail for: it stops no deployment. */
  private warn(path: string, code: InspectedCode, { environments, runtime, entrypoint }: FullCodeFunctionArgs): void {
    const warnings = [
      environments.length === 0 ? "`environments` is empty: the function runs nowhere" : undefined,
      code.kind === "folder" ? entrypointWarning(path, runtime ?? code.runtime, entrypoint) : undefined,
    ];
    for (const warning of warnings)
      if (warning !== undefined) void pulumi.log.warn(`FullCodeFunction "${this.name}": ${warning}`, this);
  }
}

/** Settings of one region: the function's with the region's on top. */
interface RegionalSettings extends FunctionSettings {
  variables: Variables;
}

/** The settings of every region that the function is in, by name. */
function settleRegions(args: FullCodeFunctionArgs, problems: Problems): Map<string, RegionalSettings> {
  const names = new Set(args.environments.flatMap((environment) => Object.keys(environment.regions)));
  for (const region of Object.keys(args.regions ?? {}))
    if (!names.has(region)) problems.add(`regions.${region}`, problemWithUnknownRegion(region, names));
  const settings = new Map<string, RegionalSettings>();
  for (const name of names) {
    const own = args.regions?.[name];
    settings.set(name, {
      timeout: own?.timeout ?? args.timeout,
      memory: own?.memory ?? args.memory,
      cpu: own?.cpu ?? args.cpu,
      concurrency: own?.concurrency ?? args.concurrency,
      scale: { ...args.scale, ...own?.scale },
      limits: { ...args.limits, ...own?.limits },
      variables: { ...args.variables, ...own?.variables },
    });
  }
  return settings;
}

function documentOf(name: string, args: FullCodeFunctionArgs, code: InspectedCode): FunctionDocumentInput {
  const runtime = args.runtime ?? code.runtime;
  return {
    kind: "Function",
    apiVersion: API_VERSION,
    name,
    version: code.version,
    runtime,
    entrypoint: args.entrypoint,
    handler: args.handler,
    timeoutSeconds: args.timeout,
    memoryMiB: args.memory,
    cpuCores: args.cpu,
    concurrency: args.concurrency ?? limits.DEFAULT_CONCURRENCY[runtime],
    scale: { min: args.scale?.min, max: args.scale?.max, idleSeconds: args.scale?.idle },
    limits: args.limits,
  };
}

function checkEnvironments(app: ServerlessApp, environments: readonly Environment[], problems: Problems): void {
  const seen = new Set<Environment>();
  environments.forEach((environment, index) => {
    const argument = `environments[${index}]`;
    if (environment.app !== app)
      problems.add(
        argument,
        `environment "${environment.name}" belongs to app "${environment.app.name}", the function to "${app.name}"`,
      );
    if (seen.has(environment)) problems.add(argument, `environment "${environment.name}" is listed twice`);
    seen.add(environment);
  });
}

const NO_CODE: InspectedCode = {
  kind: "folder",
  runtime: "nodejs",
  version: "none",
  bytes: 0,
  files: 0,
  tooLarge: false,
};

function checkCode(code: unknown, path: string, problems: Problems): InspectedCode {
  if (typeof code !== "string" || code === "") {
    problems.add("code", problemWithOutput(code) ?? "must be the path of a folder, a .zip or a .jar");
    return NO_CODE;
  }
  const inspected = inspectCode(path);
  if (!("problem" in inspected)) return inspected;
  problems.add("code", inspected.problem);
  return NO_CODE;
}
