import { spawnSync } from "node:child_process";

import { AutomationStack } from "./engine/automationStack";
import { StandInEngine } from "./engine/standInEngine";

export interface DeployOptions {
  /** Configuration of the stack, as `pulumi config set` takes it. */
  config?: Record<string, string>;
  /** Whether what does not depend on a failed resource is deployed all the same. */
  continueOnError?: boolean;
}

/** A resource of a deployed program. */
export interface DeployedResource {
  urn: string;
  type: string;
  name: string;
  id: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

/** What deploying a program did. */
export interface Deployment {
  outputs: Record<string, unknown>;
  resources: readonly DeployedResource[];
  /** URNs, without those of components and providers. */
  changes: Record<"create" | "update" | "replace" | "delete" | "same", string[]>;
}

/** A stack of a test: programs are deployed one after the other, and what they made is destroyed in the end. */
export interface TestStack {
  /**
   * Deploys a program: what it no longer declares is deleted.
   * @throws Error that names every resource that could not be deployed, and why.
   */
  deploy(program: () => unknown, options?: DeployOptions): Promise<Deployment>;
  destroy(): Promise<void>;
}

/** Opens a stack on Pulumi's engine where its CLI is installed, else on what stands in for it. */
export async function openStack(project: string, stack: string): Promise<TestStack> {
  if (spawnSync("pulumi", ["version"]).status === 0) return AutomationStack.open(project, stack);
  return new StandInEngine(project, stack);
}
