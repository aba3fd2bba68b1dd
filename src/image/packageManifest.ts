import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ImageError } from "./imageError";

/** The parts of a package.json that say what is installed, and how. */
export interface PackageManifest {
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  devDependencies?: Record<string, string>;
  packageManager?: string;
  workspaces?: unknown;
  pnpm?: { patchedDependencies?: unknown };
  [field: string]: unknown;
}

/** Scripts of a package that are part of its installation; others, such as `prepare`, are for those who develop it. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"];
/** A version that is a place of this machine. */
const LOCAL_VERSION = /^(?:file|link|portal|workspace):|^[./~]/;

export function readPackageManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest;
}

/**
 * Packages that the build installs, by their names.
 *
 * @param installsPeers - Whether the package manager installs what package.json itself has as `peerDependencies`.
 */
export function installedPackages(
  manifest: PackageManifest,
  { installsPeers }: { installsPeers: boolean },
): Record<string, string> {
  const { peerDependencies = {}, peerDependenciesMeta, optionalDependencies, dependencies } = manifest;
  const peers = Object.entries(peerDependencies).filter(([name]) => peerDependenciesMeta?.[name]?.optional !== true);
  return { ...(installsPeers && Object.fromEntries(peers)), ...optionalDependencies, ...dependencies };
}

/**
 * The package.json that an installation works with: without scripts that are for development, whose tools are not there.
 */
export function manifestForInstall({ scripts = {}, ...manifest }: PackageManifest): string {
  const kept = Object.entries(scripts).filter(([name]) => INSTALL_SCRIPTS.includes(name));
  return JSON.stringify({ ...manifest, ...(kept.length > 0 && { scripts: Object.fromEntries(kept) }) }, null, 2) + "\n";
}

/** Whether an installation needs more of the folder than its manifests. */
export function installsFromCode(manifest: PackageManifest): boolean {
  return (
    INSTALL_SCRIPTS.some((name) => manifest.scripts?.[name] !== undefined) ||
    manifest.workspaces !== undefined ||
    manifest.pnpm?.patchedDependencies !== undefined ||
    localPackages(manifest).length > 0
  );
}

/** @throws ImageError for a dependency that is outside of the folder. */
export function checkLocalPackages(manifest: PackageManifest, folder: string): void {
  const hasWorkspace = isWorkspace(manifest, folder);
  const outside = localPackages(manifest).filter(([, version]) =>
    version.startsWith("workspace:") ? !hasWorkspace : leadsOut(version.replace(/^\w+:/, "")),
  );
  if (outside.length === 0) return;
  const shown = outside.map(([name, version]) => `"${name}": "${version}"`).join(", ");
  throw new ImageError(
    `"${join(folder, "package.json")}" depends on ${shown}, which is outside of the function's folder, and an image has that folder only; ` +
      "depend on a published version or a copy inside of the folder, or, with an entrypoint in TypeScript, make it one of the `devDependencies`: those are bundled",
  );
}

function leadsOut(path: string): boolean {
  return /^[/~]/.test(path) || path.split("/").includes("..");
}

export function isWorkspace(manifest: PackageManifest, folder: string): boolean {
  return manifest.workspaces !== undefined || existsSync(join(folder, "pnpm-workspace.yaml"));
}

/** Packages whose versions are places of this machine. */
export function localPackages(manifest: PackageManifest): [name: string, version: string][] {
  return Object.entries(installedPackages(manifest, { installsPeers: true })).filter(([, version]) =>
    LOCAL_VERSION.test(version),
  );
}
