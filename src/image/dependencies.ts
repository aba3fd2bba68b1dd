import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { INSTALL_SETTINGS } from "../code/codeFiles";
import { type ContextFile, readContextFile, textFile } from "./contextFiles";
import type { BuildSecrets } from "./imageBuilder";
import { MANIFESTS_FOLDER } from "./imageLayout";
import { findInstallVariables } from "./installVariables";
import { localFolders } from "./localFolders";
import {
  checkLocalPackages,
  installedPackages,
  installsFromCode,
  manifestForInstall,
  type PackageManifest,
  readPackageManifest,
} from "./packageManifest";

/** How the dependencies of a function get into its image. */
export interface Dependencies {
  /** Manifests, lock file and settings of the package manager. */
  files: ContextFile[];
  /** Shell command that installs them, production ones only. */
  command: string;
  /** Whether the command needs the function's code beside the manifests. */
  needsCode: boolean;
  /** Names of the variables that the command may see, and no image has. */
  variables: string[];
  /** Names of the packages that the command installs from elsewhere: from a registry, say. */
  packages: string[];
  /** Folders of those that it installs from the function's code, by their names. */
  localPackages: Record<string, string>;
  warnings: string[];
}

const SETTINGS: ReadonlySet<string> = new Set(INSTALL_SETTINGS);

interface PackageManager {
  name: "npm" | "pnpm" | "yarn";
  lockFile: string;
  /** Files and folders that it reads beside package.json and the lock file. */
  settings: readonly string[];
  /** Says whether it installs what package.json itself has as `peerDependencies`. */
  installsPeers(folder: string): boolean;
  command(folder: string, manifest: PackageManifest): string;
}

const NPM_FLAGS = "--omit=dev --no-audit --no-fund --no-update-notifier";
const npm: Omit<PackageManager, "lockFile"> = {
  name: "npm",
  settings: [".npmrc"],
  installsPeers: () => true,
  command: () => `npm ci ${NPM_FLAGS}`,
};

/** In the order in which they are looked for. */
const PACKAGE_MANAGERS: readonly PackageManager[] = [
  { ...npm, lockFile: "npm-shrinkwrap.json" },
  { ...npm, lockFile: "package-lock.json" },
  {
    name: "pnpm",
    lockFile: "pnpm-lock.yaml",
    settings: [".npmrc", "pnpm-workspace.yaml", ".pnpmfile.cjs"],
    installsPeers: pnpmInstallsPeers,
    command: pnpmCommand,
  },
  {
    name: "yarn",
    lockFile: "yarn.lock",
    settings: [".npmrc", ".yarnrc", ".yarnrc.yml", ".yarn/plugins", ".yarn/patches"],
    installsPeers: () => false,
    command: yarnCommand,
  },
];

/** Releases for projects that name none of their own: the newest that read the lock file. */
const PNPM_OF_LOCK_FILE: Record<string, string> = { "5": "7", "6": "8", "9": "10" };
const YARN_CLASSIC = "1.22.22";
const YARN_BERRY = 4;
/** The release that is run here and no other, packages where Node.js finds them, and nothing that is told to anybody. */
const YARN_BERRY_ENVIRONMENT = "YARN_IGNORE_PATH=1 YARN_NODE_LINKER=node-modules YARN_ENABLE_TELEMETRY=0";

/**
 * Settles how a function's dependencies are installed: by the package manager whose lock file there is.
 *
 * @param secrets - What the builder gives to the installation.
 * @throws ImageError for a dependency that cannot be installed in an image.
 */
export function planDependencies(folder: string, secrets?: BuildSecrets): Dependencies {
  const manifest = readPackageManifest(folder);
  checkLocalPackages(manifest, folder);
  const { manager, warning } = findPackageManager(folder, manifest);
  const names = manager === undefined ? npm.settings : [manager.lockFile, ...manager.settings];
  const files = names.flatMap((name) => manifestFiles(folder, name));
  files.push(textFile(`${MANIFESTS_FOLDER}/package.json`, manifestForInstall(manifest)));
  const given = secrets?.names ?? [];
  const named = findInstallVariables(files, given);
  const installed = installedPackages(manifest, { installsPeers: (manager ?? npm).installsPeers(folder) });
  const local = localFolders(manifest, folder);
  return {
    files,
    command: manager?.command(folder, manifest) ?? `npm install --no-package-lock ${NPM_FLAGS}`,
    needsCode: installsFromCode(manifest) || hasPnpmWorkspace(folder, manager),
    variables: [...new Set([...named.names, ...given])].sort(),
    packages: Object.keys(installed).filter((name) => local[name] === undefined),
    localPackages: Object.fromEntries(Object.entries(local).filter(([name]) => installed[name] !== undefined)),
    warnings: [...(warning === undefined ? [] : [warning]), ...named.warnings],
  };
}

function findPackageManager(
  folder: string,
  { packageManager }: PackageManifest,
): { manager?: PackageManager; warning?: string } {
  const found = PACKAGE_MANAGERS.filter(({ lockFile }) => existsSync(join(folder, lockFile)));
  const named = found.find(({ name }) => packageManager?.startsWith(`${name}@`));
  const manager = named ?? found[0];
  if (manager === undefined)
    return {
      warning:
        "there is no package-lock.json, pnpm-lock.yaml or yarn.lock beside package.json: its image gets whatever versions are the newest when it is built",
    };
  if (named !== undefined || found.every(({ name }) => name === manager.name)) return { manager };
  const others = found.filter((other) => other !== manager).map(({ lockFile }) => `"${lockFile}"`);
  return {
    manager,
    warning: `dependencies are installed by "${manager.lockFile}"; ${others.join(" and ")} beside it is not used: remove one, or name the package manager in package.json's \`packageManager\``,
  };
}

/** A file, or all files of a folder. */
function manifestFiles(folder: string, name: string): ContextFile[] {
  const path = join(folder, name);
  if (!existsSync(path)) return [];
  if (!name.startsWith(".yarn/")) {
    const file = readContextFile(folder, name, `${MANIFESTS_FOLDER}/${name}`);
    return [file.kind === "file" && SETTINGS.has(name) ? { ...file, isPrivate: true } : file];
  }
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .map((file) => readContextFile(folder, file, `${MANIFESTS_FOLDER}/${file}`));
}

function hasPnpmWorkspace(folder: string, manager: PackageManager | undefined): boolean {
  if (manager?.name !== "pnpm") return false;
  return /^(?:packages|patchedDependencies):/m.test(readIfExists(join(folder, "pnpm-workspace.yaml")));
}

function pnpmCommand(folder: string, manifest: PackageManifest): string {
  const version =
    namedVersion(manifest, "pnpm") ?? PNPM_OF_LOCK_FILE[pnpmLockVersion(folder)] ?? PNPM_OF_LOCK_FILE["9"];
  return run(`pnpm@${version}`, "pnpm install --frozen-lockfile --prod");
}

function pnpmLockVersion(folder: string): string {
  return /^lockfileVersion: *'?(\d+)/m.exec(readIfExists(join(folder, "pnpm-lock.yaml")))?.[1] ?? "";
}

/** Since pnpm 8, unless it is told not to, which its lock file remembers. */
function pnpmInstallsPeers(folder: string): boolean {
  const isTold = /^ +autoInstallPeers: false$/m.test(readIfExists(join(folder, "pnpm-lock.yaml")));
  return !isTold && pnpmLockVersion(folder) !== "5";
}

function yarnCommand(folder: string, manifest: PackageManifest): string {
  const named = namedVersion(manifest, "yarn");
  if (!/^__metadata:/m.test(readIfExists(join(folder, "yarn.lock")))) {
    const version = named?.startsWith("1.") ? named : YARN_CLASSIC;
    return run(`yarn@${version}`, "yarn install --frozen-lockfile --production --non-interactive --no-progress");
  }
  // Yarn 2 and 3 cannot leave development dependencies out; Yarn 4 reads their lock files
  const isNamed = Number.parseInt(named ?? "", 10) >= YARN_BERRY;
  const release = `@yarnpkg/cli-dist@${isNamed ? named : YARN_BERRY}`;
  const yarn = (command: string) => `${YARN_BERRY_ENVIRONMENT} ${run(release, `yarn ${command}`)}`;
  const focus = yarn("workspaces focus --production");
  // another release than the one that wrote the lock file may want to write it anew
  if (!isNamed) return focus;
  const written = "cp yarn.lock /tmp/yarn.lock";
  const check = "(cmp yarn.lock /tmp/yarn.lock || (echo 'yarn.lock is not up to date: run `yarn install`' && exit 1))";
  return [written, yarn("install --mode=update-lockfile"), check, focus].join(" && ");
}

/** Runs a package manager of just this version; npm comes with every Node.js image, Corepack does not. */
function run(release: string, command: string): string {
  return `npm exec --yes --package=${release} -- ${command}`;
}

/** The version that `packageManager` names, without its hash. */
function namedVersion({ packageManager }: PackageManifest, name: string): string | undefined {
  return new RegExp(`^${name}@(\\d+(?:\\.[\\w.-]+)?)(?:\\+.*)?$`).exec(packageManager ?? "")?.[1];
}

function readIfExists(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
