import { table } from "../output/table";
import { printText } from "../output/terminalText";
import { type DeployedFunction } from "../regions/regionAccess";
import { askEach, type RegionSelection, withRegions } from "../regions/regionSelection";

export interface GetOptions extends RegionSelection {
  json?: boolean;
}

/** `fullcode get builds`: every version of a function that was served, newest first. */
export async function getBuilds(functionName: string | undefined, options: GetOptions): Promise<void> {
  await withRegions(options, async (regions) => {
    const answers = await askEach(regions.all, async (region) =>
      (await region.builds()).map((each) => ({ region: region.label, ...each })),
    );
    const builds = answers
      .flat()
      .filter((each) => functionName === undefined || each.function === functionName)
      .sort((a, b) => b.time - a.time);
    if (builds.length === 0 && functionName !== undefined) await regions.requireFunction(functionName);
    if (options.json === true) return printText(JSON.stringify(builds, null, 2));
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
  });
}

/** `fullcode get deployments`: what is deployed now, and how it is. */
export async function getDeployments(functionName: string | undefined, options: GetOptions): Promise<void> {
  await withRegions(options, async (regions) => {
    const answers = await askEach(regions.all, async (region) =>
      (await region.deployments()).map(({ state, ...deployed }) => ({
        region: region.label,
        ...deployed,
        state: stateOf(state),
        failure: state?.failure,
      })),
    );
    const deployments = answers.flat().filter((each) => functionName === undefined || each.function === functionName);
    if (deployments.length === 0 && functionName !== undefined) await regions.requireFunction(functionName);
    if (options.json === true) return printText(JSON.stringify(deployments, null, 2));
    print(
      ["REGION", "FUNCTION", "VERSION", "DEPLOYED", "STATE", ""],
      deployments.map((each) => [
        each.region,
        each.function,
        each.version,
        each.deployedAt === undefined ? "unknown" : isoTime(each.deployedAt),
        each.state,
        firstLine(each.failure),
      ]),
    );
  });
}

function stateOf(state: DeployedFunction["state"]): string {
  if (state === undefined) return "not served";
  const { instances, starting, failure } = state;
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
  for (const line of table([heads, ...rows])) printText(line);
}
