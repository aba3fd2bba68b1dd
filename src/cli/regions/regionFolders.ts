import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { LOCAL_FOLDER } from "../../platforms/local/localFiles";
import {
  type CronDocument,
  type Document,
  DOCUMENT_FILE,
  type FunctionDocument,
  InvalidDocumentError,
  readDocument,
  type QueueDocument,
  type RegionDocument,
  type RouteDocument,
} from "../../spec";

/** A region whose documents are on this machine. */
export interface LocalRegion {
  environment: string;
  region: string;
  /** `<environment>/<region>`, as people see it. */
  label: string;
  /** Absolute path. */
  folder: string;
}

/** The documents of a region. */
export interface RegionDocuments {
  region?: RegionDocument;
  functions: (FunctionDocument & { writtenAt: Date })[];
  routes: RouteDocument[];
  queues: QueueDocument[];
  crons: CronDocument[];
}

/** Folder of a stack's regions. */
export function stackFolder(projectFolder: string, stack: string): string {
  return join(projectFolder, LOCAL_FOLDER, stack);
}

/** The regions of a stack that have been written, in the order of their labels. */
export async function findRegions(projectFolder: string, stack: string): Promise<LocalRegion[]> {
  const top = stackFolder(projectFolder, stack);
  const regions: LocalRegion[] = [];
  for (const environment of await subfolders(top))
    for (const region of await subfolders(join(top, environment))) {
      const folder = join(top, environment, region);
      if (await exists(join(folder, "region.json"))) regions.push(localRegion(folder));
    }
  return regions;
}

/** A region by its folder, whether it has documents or not. */
export function localRegion(folder: string): LocalRegion {
  const [environment, region] = [basename(dirname(folder)), basename(folder)];
  return { environment, region, label: `${environment}/${region}`, folder };
}

/** Reads a region's documents; what cannot be read is left out here and reported by the gateway. */
export async function readRegionDocuments(folder: string): Promise<RegionDocuments> {
  const documents: RegionDocuments = { functions: [], routes: [], queues: [], crons: [] };
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    if (!DOCUMENT_FILE.test(name)) continue;
    const file = join(folder, name);
    const document = await documentIn(file);
    if (document?.kind === "Region") documents.region = document;
    else if (document?.kind === "Function")
      documents.functions.push({ ...document, writtenAt: (await stat(file)).mtime });
    else if (document?.kind === "Route") documents.routes.push(document);
    else if (document?.kind === "Queue") documents.queues.push(document);
    else if (document?.kind === "Cron") documents.crons.push(document);
  }
  return documents;
}

async function documentIn(file: string): Promise<Document | undefined> {
  try {
    return readDocument(JSON.parse(await readFile(file, "utf8")), file).document;
  } catch (error) {
    const expected = error instanceof InvalidDocumentError || error instanceof SyntaxError || isMissing(error);
    if (expected) return undefined;
    throw error;
  }
}

async function subfolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}
