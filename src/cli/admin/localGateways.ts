import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { GATEWAY_FILE, STATE_FOLDER } from "../../spec";
import { type LocalRegion } from "../regions/regionFolders";
import { AdminClient, type AdminAddress } from "./adminClient";

/** A gateway of this machine writes this itself, readable by its owner only. */
const gatewayAddress = z.object({ adminUrl: z.string(), token: z.string() });

/** The running gateway of a region of this machine; undefined when it is not served. */
export async function gatewayOf(region: LocalRegion): Promise<AdminClient | undefined> {
  const address = await readAddress(region);
  if (address === undefined) return undefined;
  const client = new AdminClient(region.label, address);
  return (await client.isRunning()) ? client : undefined;
}

/** Those of the regions that a gateway serves. */
export async function servedRegions(regions: readonly LocalRegion[]): Promise<LocalRegion[]> {
  const gateways = await Promise.all(regions.map(gatewayOf));
  return regions.filter((_, index) => gateways[index] !== undefined);
}

async function readAddress({ folder }: LocalRegion): Promise<AdminAddress | undefined> {
  try {
    const text = await readFile(join(folder, STATE_FOLDER, GATEWAY_FILE), "utf8");
    return gatewayAddress.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
