import { type Access, ApiServer } from "./apiServer";
import { type KubeconfigOptions, readKubeconfig } from "./kubeconfig";
import { PodForward } from "./podForward";

export type { Access } from "./apiServer";
export type { KubeconfigOptions } from "./kubeconfig";
export type { PodForward } from "./podForward";

/**
 * The way to the API server of a kubeconfig's context.
 *
 * This module and what it imports are one file of the package, with the Kubernetes client in it; it is loaded for
 * regions in clusters only.
 */
export interface ClusterAccess {
  /** Name of the context. */
  readonly context: string;
  /**
   * @param path - Path and query.
   * @returns undefined where there is no such object.
   * @throws CliError when the API server cannot be reached or does not permit it.
   */
  read<T>(path: string, access: Access): Promise<T | undefined>;
  /** Makes a port of a pod reachable; connections are made when they are needed, and say there why they fail. */
  forward(namespace: string, pod: string, port: number): Promise<PodForward>;
}

/** @throws CliError when the kubeconfig does not say how to reach a cluster. */
export function openCluster(options: KubeconfigOptions): ClusterAccess {
  const config = readKubeconfig(options);
  const api = new ApiServer(config);
  return {
    context: config.currentContext,
    read: (path, access) => api.read(path, access),
    forward: (namespace, pod, port) => PodForward.open(api, config, namespace, pod, port),
  };
}
