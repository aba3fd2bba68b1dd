import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { type FunctionStatus, type GatewayStatus } from "../../gateway/gatewayOptions";
import { DEPLOYMENTS_FILE, STATE_FOLDER } from "../../spec";
import { type AdminClient } from "../admin/adminClient";
import { type RegionSelection, runningGateways, selectRegions } from "../admin/runningGateways";
import { table } from "../output/table";
import { type LocalRegion, readRegionDocuments } from "../regions/regionFolders";

export interface GetOptions extends RegionSelection {
  json?: boolean;
}

const build = z.object({
  time: z.number(),
  function: z.string(),
  version: z.string(),
  status: z.string().default("deployed"),
  error: z.string().optional(),
});

/** `fullcode get builds`: every version of a function that was served, newest first. */
export async function getBuilds(functionName: string | undefined, options: GetOptions): Promise<void> {
  const regions = await selectRegions(options);
  const builds = (await Promise.all(regions.map(buildsOf)))
    .flat()
    .filter((each) => functionName === undefined || each.function === functionName)
    .sort((a, b) => b.time - a.time);
  if (options.json === true) return console.log(JSON.stringify(builds, null, 2));
  print(
    ["TIME", "REGION", "FUNCTION", "VERSION", "STATUS", ""],
    builds.map((each) => [
      isoTime(each.time),
      each.region,
      each.function,
      each.version,
      each.status,
      firstLine(each.error),
    ]),
  );
}

/** `fullcode get deployments`: what is deployed now, and how it is. */
export async function getDeployments(functionName: string | undefined, options: GetOptions): Promise<void> {
  const regions = await selectRegions(options);
  const running = await runningGateways(options).catch(() => []);
  const deployments = (await Promise.all(regions.map((region) => deploymentsOf(region, running))))
    .flat()
    .filter((each) => functionName === undefined || each.function === functionName);
  if (options.json === true) return console.log(JSON.stringify(deployments, null, 2));
  print(
    ["REGION", "FUNCTION", "VERSION", "DEPLOYED", "STATE", ""],
    deployments.map((each) => [
      each.region,
      each.function,
      each.version,
      isoTime(each.deployedAt),
      each.state,
      firstLine(each.failure),
    ]),
  );
}

async function buildsOf({ folder, label }: LocalRegion): Promise<({ region: string } & z.infer<typeof build>)[]> {
  const text = await readFile(join(folder, STATE_FOLDER, DEPLOYMENTS_FILE), "utf8").catch(() => "");
  return text
    .split("\n")
    .map((line) => build.safeParse(parsed(line)).data)
    .filter((each) => each !== undefined)
    .map((each) => ({ region: label, ...each }));
}

/** The last line may be half written. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

interface DeployedFunction {
  region: string;
  function: string;
  version: string;
  deployedAt: number;
  state: string;
  failure?: string;
}

async function deploymentsOf(region: LocalRegion, running: readonly AdminClient[]): Promise<DeployedFunction[]> {
  const gateway = running.find((client) => client.region.folder === region.folder);
  const status = await gateway?.get<GatewayStatus>("/status");
  const { functions } = await readRegionDocuments(region.folder);
  return functions.map(({ name, version, writtenAt }) => {
    const live = status?.functions.find((each) => each.name === name);
    return {
      region: region.label,
      function: name,
      version: live?.version ?? version,
      deployedAt: writtenAt.getTime(),
      state: live === undefined ? "not served" : stateOf(live),
      failure: live?.failure,
    };
  });
}

function stateOf({ instances, starting, failure }: FunctionStatus): string {
  if (failure !== undefined) return "failing";
  const parts = [...(instances > 0 ? [`${instances} running`] : []), ...(starting > 0 ? [`${starting} starting`] : [])];
  return parts.length > 0 ? parts.join(", ") : "idle";
}

/** What fits into a table; `--json` has the rest. */
function firstLine(text = ""): string {
  return text.split("\n", 1)[0] ?? "";
}

function isoTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}

function print(heads: string[], rows: string[][]): void {
  for (const line of table([heads, ...rows])) console.log(line);
}
