import { join } from "node:path";

import { copyQuickstart, editFile } from "../../support/quickstartCopy";
import { NATS_IMAGE, NODE_IMAGE, REGISTRY } from "./machine";

const REGION_OF_CONTEXT = { eu: "eu-west", us: "us-east" };

/** Copies the quickstart into a folder with its two regions in the test's clusters, and returns the program's folder. */
export async function copyQuickstartForClusters(folder: string): Promise<string> {
  await copyQuickstart(folder, { "eu-west": 1, "us-east": 2 });
  const program = join(folder, "examples", "quickstart");
  const [nodeImage, image] = [JSON.stringify(NODE_IMAGE), JSON.stringify(NATS_IMAGE)];
  await editFile(join(program, "index.ts"), (text) => text.replace("  local,", "  kubernetes,"));
  for (const [context, region] of Object.entries(REGION_OF_CONTEXT))
    await editFile(join(program, "index.ts"), (text) =>
      text.replace(
        new RegExp(`"${region}": local\\(.*?\\)`),
        `"${region}": kubernetes({ context: "${context}", registry: "${REGISTRY}/quickstart", nodeImage: ${nodeImage}, nats: { image: ${image} } })`,
      ),
    );
  return program;
}
