import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { TYPESCRIPT } from "../../code/imports";
import { isArchive } from "../../code/packageArchive";
import { unpackArchive } from "../../code/packageUnpack";
import { INSTANCE_CONFIG_VARIABLE, type InstanceConfig, LINK_TOKEN_VARIABLE } from "../../link/instanceConfig";
import {
  agencyFileName,
  DEFAULT_ENTRYPOINT,
  type FunctionDocument,
  heapArguments,
  limits,
  PARAMS_FILE,
  type RegionDocument,
  SECRETS_FOLDER,
  STATE_FOLDER,
  variablesFileName,
} from "../../spec";
import { linkToken } from "../../link/linkToken";
import { readParams } from "../../runtime/instanceConfig";
import { type GroupGuard } from "./groupGuard";
import { InstanceProcess } from "./instanceProcess";
import { type LocalAgents } from "./localAgents";
import { type RunningInstance, type RunningInstanceEvents } from "./runningInstance";

/** Of the gateway's own environment an instance gets these and no others: the rest may hold secrets. */
const INHERITED = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

// the runtime is a single file in dist/, wherever this module itself was loaded from
const NODE_RUNTIME = join(__dirname, "..", "..", "..", "dist", "runtime", "node", "main.js");

export interface LauncherOptions {
  folder: string;
  projectFolder: string;
  linkAddress: string;
  /** Where functions reach the region's gateway. */
  gatewayUrl: () => string;
  rootSecret: Buffer;
  agents: LocalAgents;
  groups: GroupGuard;
}

/** Starts instances of functions on this machine. */
export class Launcher {
  /** What the instances that have not ended run from, by their names. */
  private readonly folders = new Map<string, string>();

  constructor(private readonly options: LauncherOptions) {}

  /** Absolute path of the function's code. */
  codeFolder(document: FunctionDocument): string {
    return resolve(this.options.projectFolder, document.code ?? ".");
  }

  /** There may soon be instances. */
  prepareStarts(): void {
    this.options.groups.start();
  }

  /**
   * Prepares the function's code: an archive is unpacked, TypeScript is bundled.
   *
   * @throws PackageError for an archive that cannot be used, BundleError for code that does not compile.
   */
  async prepare(document: FunctionDocument): Promise<PreparedCode> {
    const outFolder = join(this.options.folder, STATE_FOLDER, "code", document.name);
    const codeFolder = await this.unpacked(this.codeFolder(document), outFolder);
    if (document.runtime === "custom") return { codeFolder };
    const entrypoint = document.entrypoint ?? DEFAULT_ENTRYPOINT;
    if (!TYPESCRIPT.test(entrypoint)) return { codeFolder, entrypoint };
    // esbuild is a second process and some megabytes: only for those who write TypeScript
    const { prepareEntrypoint } = await import("../../code/bundle.js");
    await mkdir(outFolder, { recursive: true });
    const prepared = await prepareEntrypoint({ codeFolder, entrypoint, outFolder });
    return { codeFolder, entrypoint: prepared.entrypoint, source: entrypoint, elsewhere: prepared.elsewhere };
  }

  /** @throws Error when it cannot even be tried. */
  launch(
    document: FunctionDocument,
    code: PreparedCode,
    region: RegionDocument,
    instance: string,
    events: RunningInstanceEvents,
  ): RunningInstance {
    const onExit = (description: string) => {
      this.folders.delete(instance);
      events.onExit(description);
    };
    const running = this.start(document, code, region, instance, { ...events, onExit });
    this.folders.set(instance, code.codeFolder);
    return running;
  }

  private start(
    document: FunctionDocument,
    code: PreparedCode,
    region: RegionDocument,
    instance: string,
    events: RunningInstanceEvents,
  ): RunningInstance {
    const config = this.config(document, code, region, instance);
    const token = linkToken(this.options.rootSecret, document.name);
    const environment: Record<string, string> = {};
    for (const name of INHERITED) if (process.env[name] !== undefined) environment[name] = process.env[name];
    if (document.runtime === "custom") {
      const start = { config, instance, token, params: readParams(config.paramsFile) };
      return this.options.agents.start(start, environment, (description) => events.onExit(description));
    }
    Object.assign(environment, readVariables(join(this.options.folder, SECRETS_FOLDER), document.name), {
      [INSTANCE_CONFIG_VARIABLE]: JSON.stringify(config),
      [LINK_TOKEN_VARIABLE]: token,
    });
    const { groups } = this.options;
    const heap = heapArguments(document.memoryMiB, limits.HEAP_SHARE);
    const args = ["--enable-source-maps", ...heap, NODE_RUNTIME];
    // a folder that has gone is reported by the runtime, as an error of the invocation
    const cwd = existsSync(code.codeFolder) ? code.codeFolder : this.options.projectFolder;
    return new InstanceProcess({ command: process.execPath, args, environment, folder: cwd, groups }, events);
  }

  /** The folder that code is run from: a folder itself, an archive's cache. */
  private async unpacked(code: string, cacheFolder: string): Promise<string> {
    if (!isArchive(code) || statSync(code, { throwIfNoEntry: false })?.isDirectory() === true) return code;
    return unpackArchive(code, cacheFolder, (folder) => [...this.folders.values()].includes(folder));
  }

  private config(
    document: FunctionDocument,
    code: PreparedCode,
    region: RegionDocument,
    instance: string,
  ): InstanceConfig {
    const { folder, linkAddress, gatewayUrl } = this.options;
    const secrets = join(folder, SECRETS_FOLDER);
    const custom = document.runtime === "custom";
    return {
      gateway: linkAddress,
      function: document.name,
      version: document.version,
      instance,
      codeFolder: code.codeFolder,
      entrypoint: code.entrypoint,
      entrypointSource: code.source,
      handler: document.handler,
      userData: document.userData,
      concurrency: document.concurrency,
      timeoutSeconds: document.timeoutSeconds,
      initSeconds: document.limits.initSeconds,
      memoryMiB: document.memoryMiB,
      cpuCores: document.cpuCores,
      responseBytes: document.limits.responseBytes,
      app: {
        appName: region.app,
        environmentName: region.environment,
        environmentType: region.environmentType,
        apiBaseUrl: region.url,
        queueBaseUrl: `${gatewayUrl()}/queues`,
        region: region.name,
      },
      paramsFile: fileIfExists(secrets, PARAMS_FILE),
      variablesFile: custom ? fileIfExists(secrets, variablesFileName(document.name)) : undefined,
      agencyFile: custom ? fileIfExists(secrets, agencyFileName(document.name)) : undefined,
    };
  }
}

export interface PreparedCode {
  codeFolder: string;
  entrypoint?: string;
  /** What the entrypoint was made from, where that is another file. */
  source?: string;
  /** Absolute paths of files of other folders that are part of a bundle. */
  elsewhere?: readonly string[];
}

function fileIfExists(folder: string, name: string): string | undefined {
  const file = join(folder, name);
  return existsSync(file) ? file : undefined;
}

function readVariables(secrets: string, functionName: string): Record<string, string> {
  const file = fileIfExists(secrets, variablesFileName(functionName));
  return file === undefined ? {} : (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>);
}
