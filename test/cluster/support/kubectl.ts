import { join } from "node:path";

import { type CommandOptions, runCommand } from "./command";
import { CACHE_FOLDER } from "./machine";

/** An object as the API server returns it, as far as tests read it. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    creationTimestamp: string;
    deletionTimestamp?: string;
  };
  [field: string]: unknown;
}

/** kubectl with one cluster's credentials: those of a context, or of the current one, of a kubeconfig. */
export class Kubectl {
  /** @param kubeconfig - Path; $KUBECONFIG, else ~/.kube/config, when there is none. */
  constructor(
    private readonly kubeconfig?: string,
    private readonly context?: string,
  ) {}

  run(args: readonly string[], options?: CommandOptions): Promise<string> {
    const context = this.context === undefined ? [] : ["--context", this.context];
    const env = { ...process.env, ...(this.kubeconfig !== undefined && { KUBECONFIG: this.kubeconfig }) };
    return runCommand(join(CACHE_FOLDER, "kubectl"), [...context, ...args], { env, ...options });
  }

  async json<T = KubernetesObject>(args: readonly string[], options?: CommandOptions): Promise<T> {
    return JSON.parse(await this.run([...args, "--output", "json"], options)) as T;
  }
}
