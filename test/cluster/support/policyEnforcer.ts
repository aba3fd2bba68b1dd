import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";

import { runCommand } from "./command";
import type { KubernetesObject } from "./kubectl";
import { CACHE_FOLDER } from "./machine";
import { NO_RULES, type NetworkPolicy, rulesOf } from "./policyRules";
import { type Pod, REGIONS, type TestRegion } from "./regions";

interface WatchEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "ERROR";
  object: unknown;
}

/** Enforces the NetworkPolicies of one namespace, which the region's network does not do by itself, as long as it runs. */
export class PolicyEnforcer {
  private readonly pods = new Map<string, Pod>();
  private readonly namespaces = new Map<string, KubernetesObject>();
  private readonly policies = new Map<string, NetworkPolicy>();
  private readonly watches: ChildProcessWithoutNullStreams[];
  private applied: Promise<unknown> = Promise.resolve();
  private isChanged = false;
  private failure: Error | undefined;

  constructor(
    private readonly region: TestRegion,
    namespace: string,
  ) {
    this.watches = [
      this.watch("/api/v1/pods", this.pods),
      this.watch("/api/v1/namespaces", this.namespaces),
      this.watch(`/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`, this.policies),
    ];
  }

  /** @throws Error when something could not be enforced. */
  async stop(): Promise<void> {
    for (const watch of this.watches) watch.kill();
    await this.applied;
    await this.load(NO_RULES);
    if (this.failure !== undefined) throw this.failure;
  }

  private watch<T extends KubernetesObject>(path: string, objects: Map<string, T>): ChildProcessWithoutNullStreams {
    const args = ["--kubeconfig", this.region.kubeconfig, "get", "--raw", `${path}?watch=true&resourceVersion=0`];
    const child = spawn(join(CACHE_FOLDER, "kubectl"), args);
    createInterface(child.stdout).on("line", (line) => {
      const { type, object } = JSON.parse(line) as WatchEvent;
      const { uid } = (object as T).metadata;
      if (type === "ERROR") this.failure = new Error(line);
      else if (type === "DELETED") objects.delete(uid);
      else objects.set(uid, object as T);
      this.change();
    });
    return child;
  }

  /** Changes that come together are enforced together. */
  private change(): void {
    if (this.isChanged) return;
    this.isChanged = true;
    this.applied = this.applied.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      this.isChanged = false;
      await this.apply().catch((error: Error) => (this.failure = error));
    });
  }

  private async apply(): Promise<void> {
    const { pods, namespaces, policies } = this;
    const objects = {
      pods: [...pods.values()],
      namespaces: [...namespaces.values()],
      policies: [...policies.values()],
    };
    await this.load(rulesOf(objects, `10.210.${REGIONS[this.region.name]}.1`));
  }

  private load(rules: string): Promise<string> {
    const network = `--net=/run/netns/fullcode-${this.region.name}`;
    return runCommand("nsenter", [network, "nft", "--file", "-"], { input: rules });
  }
}
