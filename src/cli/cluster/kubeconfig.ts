import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { type Cluster, KubeConfig } from "@kubernetes/client-node";

import { CliError } from "../errors";

export interface KubeconfigOptions {
  /** @default the files of KUBECONFIG, else `~/.kube/config` */
  kubeconfig?: string;
  /** @default the current context */
  context?: string;
}

/** Time for the API server to answer. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** Limits the time that a web socket's handshake takes, which nothing else does. */
class BoundedKubeConfig extends KubeConfig {
  override async applyToHTTPSOptions(options: Parameters<KubeConfig["applyToHTTPSOptions"]>[0]): Promise<void> {
    await super.applyToHTTPSOptions(options);
    Object.assign(options, { handshakeTimeout: ANSWER_TIMEOUT_MS });
  }
}

/**
 * Reads the kubeconfig files as kubectl does, where the first file that names something wins, and selects a context.
 *
 * @throws CliError when there is no file, when one cannot be read, or when there is no such context.
 */
export function readKubeconfig({ kubeconfig, context }: KubeconfigOptions): KubeConfig {
  const files = kubeconfigFiles(kubeconfig);
  const where = files.join(", ");
  const configs = files.map(readFile);
  const merged = new BoundedKubeConfig();
  merged.loadFromOptions({
    clusters: firstOfEachName(configs.flatMap(({ clusters }) => clusters)).map(withoutTls),
    users: firstOfEachName(configs.flatMap(({ users }) => users)),
    contexts: firstOfEachName(configs.flatMap(({ contexts }) => contexts)),
    currentContext: context ?? configs.map((config) => config.currentContext).find((name) => (name ?? "") !== ""),
  });
  if (merged.getContextObject(merged.currentContext) === null)
    throw new CliError(`${missingContext(context, merged.currentContext, where)} ${existing(merged)}`);
  if (merged.getCurrentCluster() === null)
    throw new CliError(
      `Context "${merged.currentContext}" of ${where} is of cluster ` +
        `"${merged.getContextObject(merged.currentContext)!.cluster}", which is not there.`,
    );
  return merged;
}

function kubeconfigFiles(kubeconfig: string | undefined): string[] {
  if (kubeconfig !== undefined) {
    if (!existsSync(kubeconfig)) throw new CliError(`--kubeconfig: there is no file ${kubeconfig}.`);
    return [kubeconfig];
  }
  const named = (process.env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  const candidates = named.length > 0 ? named : [join(homedir(), ".kube", "config")];
  const files = candidates.filter((file) => existsSync(file));
  if (files.length > 0) return files;
  throw new CliError(
    named.length > 0
      ? `There is no kubeconfig: KUBECONFIG names ${named.join(", ")}, which does not exist. Correct it, or name a file with --kubeconfig.`
      : `There is no kubeconfig: KUBECONFIG is not set, and ${candidates[0]} does not exist. Name a file with --kubeconfig.`,
  );
}

function readFile(file: string): KubeConfig {
  const config = new KubeConfig();
  try {
    if (readFileSync(file, "utf8").trim() === "") config.loadFromOptions({ clusters: [], users: [], contexts: [] });
    else config.loadFromFile(file);
    return config;
  } catch (error) {
    const [reason] = (error as Error).message.split("\n", 1);
    throw new CliError(`${file} is not a kubeconfig: ${reason}.`);
  }
}

function firstOfEachName<Named extends { name: string }>(all: readonly Named[]): Named[] {
  return [...new Map([...all].reverse().map((each) => [each.name, each])).values()].reverse();
}

/** The client library asks of plain HTTP, as of "kubectl proxy", that TLS is not verified, where there is none. */
function withoutTls(cluster: Cluster): Cluster {
  return cluster.server.startsWith("http:") ? { ...cluster, skipTLSVerify: true } : cluster;
}

function missingContext(asked: string | undefined, current: string | undefined, where: string): string {
  if (asked !== undefined) return `There is no context "${asked}" in ${where};`;
  return current === undefined
    ? `${where} has no current context; choose one with --context;`
    : `The current context "${current}" is not in ${where}; choose one with --context;`;
}

function existing({ contexts }: KubeConfig): string {
  return contexts.length === 0 ? "there are none." : `there are: ${contexts.map(({ name }) => name).join(", ")}.`;
}
