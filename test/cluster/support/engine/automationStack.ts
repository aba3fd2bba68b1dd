import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineEvent, LocalWorkspace, type OpType, type Stack } from "@pulumi/pulumi/automation";

import type { DeployedResource, Deployment, DeployOptions, TestStack } from "../testStack";

/** The part of a stack's state that is read here. */
interface StackState {
  resources?: { urn: string; type: string; id?: string; inputs?: object; outputs?: object }[];
}

/** A stack on Pulumi's engine, its state in a temporary folder. */
export class AutomationStack implements TestStack {
  private constructor(
    private readonly project: string,
    private readonly stack: string,
    private readonly folder: string,
  ) {}

  static async open(project: string, stack: string): Promise<AutomationStack> {
    return new AutomationStack(project, stack, await mkdtemp(join(tmpdir(), "fullcode-stack-")));
  }

  async deploy(program: () => unknown, { config = {}, continueOnError }: DeployOptions = {}): Promise<Deployment> {
    const stack = await this.select(async () => (await program()) as Record<string, unknown>);
    for (const [name, value] of Object.entries(config)) await stack.setConfig(name, { value });
    const changes: Deployment["changes"] = { create: [], update: [], replace: [], delete: [], same: [] };
    const { outputs } = await stack.up({ continueOnError, onEvent: (event) => note(event, changes) });
    const { resources = [] } = (await stack.exportStack()).deployment as StackState;
    return {
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value as unknown])),
      resources: resources.map(deployedResource),
      changes,
    };
  }

  async destroy(): Promise<void> {
    await (await this.select(() => Promise.resolve({}))).destroy();
    await rm(this.folder, { recursive: true });
  }

  private select(program: () => Promise<Record<string, unknown>>): Promise<Stack> {
    const envVars = {
      PULUMI_BACKEND_URL: `file://${this.folder}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    return LocalWorkspace.createOrSelectStack(
      { projectName: this.project, stackName: this.stack, program },
      { envVars, projectSettings: { name: this.project, runtime: "nodejs", main: process.cwd() } },
    );
  }
}

const OPERATIONS: Partial<Record<OpType, keyof Deployment["changes"]>> = {
  create: "create",
  update: "update",
  replace: "replace",
  delete: "delete",
  same: "same",
};

function note({ resourcePreEvent: event }: EngineEvent, changes: Deployment["changes"]): void {
  const operation = event && OPERATIONS[event.metadata.op];
  // components and providers have no package of their own
  if (operation !== undefined && /^(kubernetes|docker|random):/.test(event!.metadata.type))
    changes[operation].push(event!.metadata.urn);
}

function deployedResource({ urn, type, id = "", inputs = {}, outputs = {} }: NonNullable<StackState["resources"]>[0]) {
  const name = urn.split("::")[3];
  return { urn, type, name, id, inputs: { ...inputs }, outputs: { ...outputs } } satisfies DeployedResource;
}
