import { readFile } from "node:fs/promises";
import { join } from "node:path";

import pc from "picocolors";
import { z } from "zod";

import { GATEWAY_FILE, STATE_FOLDER } from "../../spec";
import { CliError } from "../errors";
import { readProject } from "../project/project";
import { findRegions, type LocalRegion, readRegionDocuments, type RegionDocuments } from "../regions/regionFolders";
import { AdminClient, type GatewayAddress } from "./adminClient";

/** Which regions a command is about. */
export interface RegionSelection {
  cwd: string;
  stack: string;
  environment?: string;
  region?: string;
}

const gatewayAddress = z.object({ pid: z.int(), url: z.string(), adminUrl: z.string(), token: z.string() });

/**
 * The regions of a stack that a command is about.
 *
 * @throws CliError when there is none.
 */
export async function selectRegions({ cwd, stack, environment, region }: RegionSelection): Promise<LocalRegion[]> {
  const { folder } = await readProject(cwd);
  const regions = await findRegions(folder, stack);
  if (regions.length === 0)
    throw new CliError(
      `Stack "${stack}" has no regions on this machine. Start it with "fullcode dev --stack ${stack}", or deploy it ` +
        `with "pulumi up --stack ${stack}" and run "fullcode serve --stack ${stack}".`,
    );
  const selected = regions.filter(
    (each) =>
      (environment === undefined || each.environment === environment) &&
      (region === undefined || each.region === region),
  );
  if (selected.length === 0)
    throw new CliError(
      `Stack "${stack}" has no region ${environment ?? "*"}/${region ?? "*"}; there are: ` +
        `${regions.map(({ label }) => label).join(", ")}.`,
    );
  return selected;
}

/**
 * The running gateways of the selected regions, one or more.
 *
 * @throws CliError when none runs.
 */
export async function runningGateways(selection: RegionSelection): Promise<AdminClient[]> {
  const regions = await selectRegions(selection);
  const running = await gatewaysOf(regions);
  if (running.length > 0) return running;
  const { stack } = selection;
  throw new CliError(
    `No gateway is running for ${regions.map(({ label }) => label).join(", ")} of stack "${stack}". ` +
      `Start it with "fullcode dev --stack ${stack}" or "fullcode serve --stack ${stack}".`,
  );
}

/** The running gateways of regions; none for those that are not served. */
export async function gatewaysOf(regions: readonly LocalRegion[]): Promise<AdminClient[]> {
  const clients = await Promise.all(regions.map(runningGateway));
  return clients.filter((client) => client !== undefined);
}

/**
 * The first running gateway whose region has what a command is about. Where several have it, the standard error says
 * which one it is.
 *
 * @param what - Names it in the error.
 * @throws CliError when no region has it.
 */
export async function gatewayWith(
  selection: RegionSelection,
  what: string,
  has: (documents: RegionDocuments) => boolean,
): Promise<AdminClient> {
  const gateways = await runningGateways(selection);
  const having: AdminClient[] = [];
  for (const gateway of gateways) if (has(await readRegionDocuments(gateway.region.folder))) having.push(gateway);
  const [first] = having;
  if (having.length > 1) console.error(pc.dim(choiceNote(having)));
  if (first !== undefined) return first;
  throw new CliError(`There is no ${what} in ${gateways.map(({ region }) => region.label).join(", ")}.`);
}

function choiceNote(gateways: readonly AdminClient[]): string {
  const [first, ...others] = gateways.map(({ region }) => region.label);
  return `Using region ${first}. ${others.join(", ")} ${others.length === 1 ? "has" : "have"} it as well: --environment and --region choose.`;
}

async function runningGateway(region: LocalRegion): Promise<AdminClient | undefined> {
  const address = await readAddress(region);
  if (address === undefined) return undefined;
  const client = new AdminClient(region, address);
  return (await client.isRunning()) ? client : undefined;
}

async function readAddress({ folder }: LocalRegion): Promise<GatewayAddress | undefined> {
  try {
    const text = await readFile(join(folder, STATE_FOLDER, GATEWAY_FILE), "utf8");
    return gatewayAddress.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
