import { CliError } from "../errors";

/** Which of the regions that were found are meant. */
export interface RegionFilter {
  /** @default all environments */
  environment?: string;
  /** @default all regions */
  region?: string;
}

/**
 * The regions that a filter lets through.
 *
 * @param where - Begins the error: who has no such region.
 * @throws CliError when there is none.
 */
export function filterRegions<Region extends Required<RegionFilter>>(
  regions: readonly Region[],
  { environment, region }: RegionFilter,
  where: string,
): Region[] {
  const selected = regions.filter(
    (each) =>
      (environment === undefined || each.environment === environment) &&
      (region === undefined || each.region === region),
  );
  if (selected.length > 0) return selected;
  throw new CliError(
    `${where} has no region ${environment ?? "*"}/${region ?? "*"}; there are: ` +
      `${regions.map((each) => `${each.environment}/${each.region}`).join(", ")}.`,
  );
}
