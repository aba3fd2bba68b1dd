import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import { inspectCode, type InspectedCode } from "../code/inspectCode";
import type { ArgumentNames } from "../platforms/argumentNames";
import { type EgressRule, problemsWithEgress } from "../platforms/egress";
import { problemWithImage } from "../platforms/images";
import { withoutUndefined } from "../platforms/withoutUndefined";
import { API_VERSION, type DocumentInput, type FunctionDocument, limits, problemWithName } from "../spec";
import { checkAgency } from "./agency";
import type { Environment } from "./environment";
import type { FullCodeFunctionArgs, FunctionSettings, ScaleArgs } from "./functionArgs";
import { Problems, problemWithOutput, problemWithUnknownRegion, requireComponent } from "./problems";
import type { Region } from "./region";
import type { ServerlessApp } from "./serverlessApp";
import { checkVariables, type Variables } from "./variables";

/** A function whose arguments are checked. */
export interface FunctionPlan {
  /** Absolute path of the code. */
  path: string;
  code: InspectedCode;
  /** What the function is in each region, by the region's name; {@link documentIn} has its version. */
  regions: Map<string, { document: FunctionDocument; variables: Variables; egress?: readonly EgressRule[] }>;
}

const SCALE_NAMES: ArgumentNames<ScaleArgs> = {
  min: true,
  max: true,
  idle: true,
};
const SETTING_NAMES: ArgumentNames<FunctionSettings> = {
  timeout: true,
  memory: true,
  cpu: true,
  concurrency: true,
  scale: true,
  limits: true,
  variables: true,
  egress: true,
};
const NAMES: ArgumentNames<FullCodeFunctionArgs> = {
  ...SETTING_NAMES,
  app: true,
  environments: true,
  code: true,
  entrypoint: true,
  handler: true,
  userData: true,
  agency: true,
  runtime: true,
  baseImage: true,
  regions: true,
  transform: true,
};

/** Fields of the document → the arguments they come from. */
const ARGUMENT_NAMES = {
  timeoutSeconds: "timeout",
  memoryMiB: "memory",
  cpuCores: "cpu",
  "scale.idleSeconds": "scale.idle",
};

/**
 * Checks a function's arguments and settles what it is in each region.
 *
 * @throws ResourceError with all problems of the arguments.
 */
export function planFunction(name: string, args: FullCodeFunctionArgs): FunctionPlan {
  const label = `FullCodeFunction "${name}"`;
  requireComponent(label, "app", args?.app, "ServerlessApp");
  const { app, environments } = args;
  if (!Array.isArray(environments))
    throw new pulumi.ResourceError(`${label}: environments: must be a list of Environments`, undefined, true);
  environments.forEach((each, index) => requireComponent(label, `environments[${index}]`, each, "Environment"));
  const problems = new Problems(label);
  problems.checkNames(args, NAMES);
  checkSettingNames(args, problems);
  problems.add("name", problemWithName(name));
  problems.add("name", app.declarations.takeName("FullCodeFunction", name));
  checkEnvironments(app, environments, problems);
  const path = resolve(String(args.code));
  const code = checkCode(args, path, problems);
  checkVariables(args.variables ?? {}, problems);
  checkAgency(args.agency, args.runtime ?? code.runtime, problems);
  checkEgress(args.egress, problems);
  checkBaseImage(args.baseImage, problems);
  const common = problems.checkDocument(documentOf(name, args, code), ARGUMENT_NAMES);
  checkHeldBytes(common, problems);

  const regions: FunctionPlan["regions"] = new Map();
  for (const [region, settings] of settleRegions(args, problems)) {
    const prefix = `regions.${region}.`;
    checkVariables(args.regions?.[region]?.variables ?? {}, problems, prefix);
    checkEgress(args.regions?.[region]?.egress, problems, prefix);
    const input = documentOf(name, { ...args, ...settings }, code);
    const document = common && problems.checkDocument(input, ARGUMENT_NAMES, prefix);
    if (args.regions?.[region]?.limits !== undefined) checkHeldBytes(document, problems, prefix);
    if (document !== undefined)
      regions.set(region, { document, variables: settings.variables, egress: settings.egress });
  }
  problems.throwIfAny();
  // what takes longer to find out comes last
  for (const { place, platform } of environments.flatMap(({ regions }) => Object.values(regions))) {
    const document = documentIn({ code, regions }, { place, platform });
    problems.add("code", platform.problemWithFunction?.({ document, code: path, baseImage: args.baseImage }));
  }
  problems.throwIfAny();
  return { path, code, regions };
}

/** What a function is in a region. Its version is that of what runs there: the whole folder, or what an image has. */
export function documentIn(
  { code, regions }: Pick<FunctionPlan, "code" | "regions">,
  { place, platform }: Pick<Region, "place" | "platform">,
): FunctionDocument {
  const { document } = regions.get(place.region)!;
  return platform.runsImages === true ? { ...document, version: code.imageVersion } : document;
}

/** Those that no document has under the same name; of `limits` the document's schema knows them. */
function checkSettingNames({ scale, regions }: FullCodeFunctionArgs, problems: Problems): void {
  problems.checkNames(scale, SCALE_NAMES, "scale.");
  for (const [region, settings] of Object.entries(regions ?? {})) {
    problems.checkNames(settings, SETTING_NAMES, `regions.${region}.`);
    problems.checkNames(settings.scale, SCALE_NAMES, `regions.${region}.scale.`);
  }
}

function checkHeldBytes(document: FunctionDocument | undefined, problems: Problems, prefix = ""): void {
  const { requestBytes = 0, heldBytes = 0 } = document?.limits ?? {};
  if (requestBytes > heldBytes)
    problems.add(
      `${prefix}limits.heldBytes`,
      `${heldBytes} is less than \`limits.requestBytes\`, ${requestBytes}: a body of that size would be refused at all times`,
    );
}

type FunctionDocumentInput = Extract<DocumentInput, { kind: "Function" }>;

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
      scale: { ...args.scale, ...withoutUndefined(own?.scale ?? {}) },
      limits: { ...args.limits, ...withoutUndefined(own?.limits ?? {}) },
      variables: { ...args.variables, ...own?.variables },
      egress: own?.egress ?? args.egress,
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
    userData: args.userData,
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

function checkEgress(rules: readonly EgressRule[] | undefined, problems: Problems, prefix = ""): void {
  for (const [path, message] of problemsWithEgress(rules)) problems.add(`${prefix}egress${path}`, message);
}

function checkBaseImage(image: unknown, problems: Problems): void {
  if (image !== undefined) problems.add("baseImage", problemWithOutput(image) ?? problemWithImage(image));
}

const NO_CODE: InspectedCode = {
  kind: "folder",
  runtime: "nodejs",
  version: "none",
  imageVersion: "none",
  bytes: 0,
  files: 0,
  tooLarge: false,
};

function checkCode(args: FullCodeFunctionArgs, path: string, problems: Problems): InspectedCode {
  const { code, runtime, entrypoint }: { code: unknown; runtime?: unknown; entrypoint?: unknown } = args;
  if (typeof code !== "string" || code === "") {
    problems.add("code", problemWithOutput(code) ?? "must be the path of a folder, a .zip or a .jar");
    return NO_CODE;
  }
  const isBundled = runtime !== "custom" && typeof entrypoint === "string";
  const inspected = inspectCode(path, isBundled ? { entrypoint } : {});
  if (!("problem" in inspected)) return inspected;
  problems.add("code", inspected.problem);
  return NO_CODE;
}
