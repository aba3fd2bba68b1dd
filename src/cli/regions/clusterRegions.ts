import { Cluster, type DeployedRegion } from "../cluster/cluster";
import { CliError } from "../errors";
import { settle, together } from "../settle";
import { ClusterRegionAccess } from "./clusterRegionAccess";
import { type RegionAccess } from "./regionAccess";
import { filterRegions, type RegionFilter } from "./regionFilter";

/** Where regions in clusters are. */
export interface ClusterSelection {
  /** Contexts of the kubeconfig whose clusters have the regions. */
  context?: string[];
  /** A kubeconfig file; without a context, its current one is meant. */
  kubeconfig?: string;
  /** With a context or a kubeconfig: of this namespace only. */
  namespace?: string;
  /** With a context or a kubeconfig: of this app only. */
  app?: string;
}

interface Found extends DeployedRegion {
  cluster: Cluster;
}

/**
 * The regions of clusters.
 *
 * @returns also what is wrong with some of the clusters, where others have such regions.
 * @throws CliError when there is no such region.
 */
export async function findClusterRegions(
  selection: ClusterSelection & RegionFilter,
): Promise<{ regions: RegionAccess[]; errors: Error[] }> {
  const { kubeconfig, namespace, app } = selection;
  const contexts: (string | undefined)[] = selection.context ?? [undefined];
  const { values, errors } = await settle(
    [...new Set(contexts)].map(async (context) => {
      const cluster = await Cluster.open({ kubeconfig, context });
      return (await cluster.regions(namespace)).map((deployed) => ({ ...deployed, cluster }));
    }),
  );
  if (values.length === 0) throw together(errors);
  const where = `Context ${[...new Set(values.flat().map(({ cluster }) => `"${cluster.context}"`))].join(", ")}`;
  const found = ofOneApp(values.flat(), app, where);
  const regions = filterRegions(found, selection, where);
  return { regions: regions.map((each) => new ClusterRegionAccess(each.cluster, each, label(each, found))), errors };
}

/** A command for the queue of one app must not reach another app's queue of that name. */
function ofOneApp(found: readonly Found[], app: string | undefined, where: string): Found[] {
  const apps = [...new Set(found.map((each) => each.app))].sort();
  if (app === undefined && apps.length > 1)
    throw new CliError(`${where} has regions of several apps: ${apps.join(", ")}. Choose one with --app.`);
  if (app !== undefined && !apps.includes(app))
    throw new CliError(`${where} has no region of app "${app}"; there are: ${apps.join(", ")}.`);
  return found.filter((each) => app === undefined || each.app === app);
}

/** `<environment>/<region>`, and where it is when there are two of that name: of two stacks, say. */
function label({ environment, region, namespace, cluster }: Found, all: readonly Found[]): string {
  const same = all.filter((each) => each.environment === environment && each.region === region);
  return `${environment}/${region}${same.length > 1 ? ` (${cluster.context}, ${namespace})` : ""}`;
}
