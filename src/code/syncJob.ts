import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { BundleError } from "./bundleError";
import { type ImageBundle, type ImageBundleOptions } from "./imageBundle";
import { PackageError } from "./packageArchive";
import { findUnpacked } from "./packageUnpack";

/** Work that is asynchronous by nature, as another process does it. */
export type SyncJob =
  { kind: "unpack"; file: string; cacheFolder: string } | { kind: "bundle"; options: ImageBundleOptions };

/** What that process writes. */
export type SyncResult =
  | { value: unknown }
  | { bundleProblems: readonly string[] }
  | { packageFile: string; packageProblem: string }
  | { unexpected: string };

const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

/**
 * `unpackArchive`, for those who cannot wait: a component's constructor has to know what it makes.
 *
 * @throws PackageError
 */
export function unpackArchiveSync(file: string, cacheFolder: string): string {
  const unpacked = existsSync(file) ? findUnpacked(file, cacheFolder) : undefined;
  return unpacked ?? (run({ kind: "unpack", file, cacheFolder }) as string);
}

/**
 * `bundleForImage`, for those who cannot wait.
 *
 * @throws BundleError
 */
export function bundleForImageSync(options: ImageBundleOptions): ImageBundle {
  return run({ kind: "bundle", options }) as ImageBundle;
}

function run(job: SyncJob): unknown {
  // compiled, wherever this module itself was loaded from
  const script = join(__dirname, "..", "..", "dist", "code", "syncJobMain.js");
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout, stderr, status, error } = spawnSync(process.execPath, [script], {
    input: JSON.stringify(job),
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT_BYTES,
    env,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`the code could not be prepared: exit code ${status}\n${stderr.trim()}`);
  const result = JSON.parse(stdout) as SyncResult;
  if ("bundleProblems" in result) throw new BundleError(result.bundleProblems);
  if ("packageFile" in result) throw new PackageError(result.packageFile, result.packageProblem);
  if ("unexpected" in result) throw new Error(result.unexpected);
  return result.value;
}
