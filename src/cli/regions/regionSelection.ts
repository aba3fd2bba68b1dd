import pc from "picocolors";

import { type GatewayStatus } from "../../gateway/gatewayOptions";
import { type AdminClient } from "../admin/adminClient";
import { CliError, UsageError } from "../errors";
import { warn } from "../output/warning";
import { readProject } from "../project/project";
import { settle, together } from "../settle";
import { type ClusterSelection } from "./clusterRegions";
import { LocalRegionAccess } from "./localRegionAccess";
import { type RegionAccess } from "./regionAccess";
import { filterRegions, type RegionFilter } from "./regionFilter";
import { findRegions } from "./regionFolders";

/** Which regions a command is about. */
export interface RegionSelection extends RegionFilter, ClusterSelection {
  cwd: string;
  stack: string;
}

/**
 * Gives a command the regions that it is about: those of this machine, or those of clusters where the selection names
 * any.
 *
 * @throws CliError when there is none.
 */
export async function withRegions(
  selection: RegionSelection,
  command: (regions: SelectedRegions) => Promise<void>,
): Promise<void> {
  const regions = await selectRegions(selection);
  try {
    await command(regions);
  } finally {
    for (const region of regions.all) region.close();
  }
}

/** The regions that a command is about, one or more. */
export class SelectedRegions {
  constructor(
    readonly all: readonly RegionAccess[],
    /** What to do when nothing serves them. */
    private readonly startHint: string,
  ) {}

  /**
   * A gateway for each of the regions that are served.
   *
   * @throws CliError when none is.
   */
  async gateways(): Promise<AdminClient[]> {
    const { served, unreachable } = await this.reach();
    leaveOut(unreachable);
    if (unreachable.length > 0) process.exitCode = 1;
    return served;
  }

  /**
   * A gateway of the first served region that has what a command is about. Where several have it, the standard error
   * says which one it is.
   *
   * @param kind - What it is, in errors.
   * @param namesIn - Those that a region has.
   * @throws CliError when no region has it.
   */
  async gatewayWith(
    kind: "function" | "queue",
    name: string,
    namesIn: (status: GatewayStatus) => string[],
  ): Promise<AdminClient> {
    const { served, unreachable } = await this.reach();
    leaveOut(unreachable);
    const { values, errors } = await settle(
      served.map(async (gateway) => ({ gateway, names: namesIn(await gateway.get<GatewayStatus>("/status")) })),
    );
    if (values.length === 0) throw together(errors);
    leaveOut(errors);
    const having = values.filter(({ names }) => names.includes(name)).map(({ gateway }) => gateway);
    const [first] = having;
    if (having.length > 1) console.error(pc.dim(choiceNote(having)));
    if (first !== undefined) return first;
    throw notThere(
      kind,
      name,
      values.map(({ gateway: { label }, names }) => ({ label, names })),
    );
  }

  /**
   * For commands that have found nothing of a function: there may be nothing to find.
   *
   * @throws CliError when no region has or had the function. A region that cannot say may have it.
   */
  async requireFunction(name: string): Promise<void> {
    const { values, errors } = await settle(
      this.all.map(async (region) => {
        const known = (await Promise.all([region.deployments(), region.builds()])).flat();
        return { label: region.label, names: known.map((each) => each.function) };
      }),
    );
    if (errors.length > 0 || values.some(({ names }) => names.includes(name))) return;
    throw notThere("function", name, values);
  }

  notServed(): CliError {
    return new CliError(`No gateway is running for ${this.all.map(({ label }) => label).join(", ")}${this.startHint}`);
  }

  private async reach(): Promise<{ served: AdminClient[]; unreachable: Error[] }> {
    const { values, errors } = await settle(this.all.map((region) => region.gateway()));
    const served = values.filter((gateway) => gateway !== undefined);
    if (served.length > 0) return { served, unreachable: errors };
    throw errors.length > 0 ? together(errors) : this.notServed();
  }
}

/** Nothing of the name is in any of the regions, which have others. */
export function notThere(
  kind: "function" | "queue",
  name: string,
  regions: readonly { label: string; names: readonly string[] }[],
): CliError {
  const known = [...new Set(regions.flatMap(({ names }) => names))].sort();
  return new CliError(
    `There is no ${kind} "${name}" in ${regions.map(({ label }) => label).join(", ")}; there ` +
      (known.length === 0 ? "are none." : `are: ${known.join(", ")}.`),
  );
}

/**
 * Asks several regions, or gateways of theirs; those that cannot answer are left out, and the command's exit code is 1 then.
 *
 * @throws CliError when none can answer.
 */
export async function askEach<Region, Answer>(
  regions: readonly Region[],
  question: (region: Region) => Promise<Answer>,
): Promise<Answer[]> {
  const { values, errors } = await settle(regions.map(question));
  if (values.length === 0) throw together(errors);
  leaveOut(errors);
  if (errors.length > 0) process.exitCode = 1;
  return values;
}

async function selectRegions(selection: RegionSelection): Promise<SelectedRegions> {
  const { stack, context, kubeconfig } = selection;
  if (context !== undefined || kubeconfig !== undefined) {
    const { findClusterRegions } = await import("./clusterRegions.js");
    const { regions, errors } = await findClusterRegions(selection);
    leaveOut(errors);
    if (errors.length > 0) process.exitCode = 1;
    return new SelectedRegions(regions, ".");
  }
  for (const option of ["namespace", "app"] as const)
    if (selection[option] !== undefined)
      throw new UsageError(
        `--${option} is about regions in clusters: name the cluster's kubeconfig context with --context.`,
      );
  const { folder } = await readProject(selection.cwd);
  const regions = await findRegions(folder, stack);
  if (regions.length === 0)
    throw new CliError(
      `Stack "${stack}" has no regions on this machine. Start it with "fullcode dev --stack ${stack}", or deploy it ` +
        `with "pulumi up --stack ${stack}" and run "fullcode serve --stack ${stack}". Regions in a cluster are found ` +
        `by --context <kubeconfig context>.`,
    );
  return new SelectedRegions(
    filterRegions(regions, selection, `Stack "${stack}"`).map((each) => new LocalRegionAccess(each)),
    ` of stack "${stack}". Start it with "fullcode dev --stack ${stack}" or "fullcode serve --stack ${stack}".`,
  );
}

function leaveOut(errors: readonly Error[]): void {
  for (const { message } of errors) warn(`${message} The other regions are used.`);
}

function choiceNote(gateways: readonly AdminClient[]): string {
  const [first, ...others] = gateways.map(({ label }) => label);
  return `Using region ${first}. ${others.join(", ")} ${others.length === 1 ? "has" : "have"} it as well: --environment and --region choose.`;
}
