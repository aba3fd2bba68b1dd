import * as pulumi from "@pulumi/pulumi";
import {
  type ReadResourceRequest,
  type ReadResourceResponse,
  type RegisterResourceRequest,
  type RegisterResourceResponse,
  Result,
} from "@pulumi/pulumi/proto/resource_pb";

import type { Deployment, DeployOptions, TestStack } from "../testStack";
import { DockerImages } from "./dockerImages";
import { keepIgnored } from "./ignoredChanges";
import { KubernetesResources } from "./kubernetesResources";
import { RandomValues } from "./randomValues";
import {
  type Made,
  type Properties,
  type Registration,
  type ResourceMaker,
  type ResourceState,
  UnreadyError,
} from "./resourceState";
import { UNKNOWN, unwrapSecrets } from "./secrets";

type Callback<Response> = (error: unknown, response?: Response) => void;

/** The parts of the SDK's connection to an engine that are replaced here. */
interface Monitor {
  registerResource(request: RegisterResourceRequest, callback: Callback<RegisterResourceResponse>): unknown;
  readResource(request: ReadResourceRequest, callback: Callback<ReadResourceResponse>): unknown;
  registerResourceOutputs(request: unknown, callback: Callback<object>): void;
}

/**
 * Stands in for Pulumi's engine and providers where they are not installed: runs a program and makes what it registers at
 * the moment at which it is registered, so that resources get each other's outputs. A later run of a changed program
 * changes, replaces and deletes. For tests only; it knows what they need.
 */
export class StandInEngine implements TestStack {
  private readonly states = new Map<string, ResourceState>();
  private readonly makers: Record<string, ResourceMaker>;

  /** @param makers - In place of the usual ones, by package. */
  constructor(
    private readonly project: string,
    private readonly stack: string,
    makers: Record<string, ResourceMaker> = {},
  ) {
    const usual = { docker: new DockerImages(), kubernetes: new KubernetesResources(), random: new RandomValues() };
    this.makers = { ...usual, ...makers };
  }

  /** Runs the program; fails with all that could not be made. What was made stays known. */
  async deploy(
    program: () => unknown,
    { config = {}, continueOnError = false }: DeployOptions = {},
  ): Promise<Deployment> {
    const run = new Run(this.states, this.makers, continueOnError);
    await pulumi.runtime.setMocks(run.mocks, this.project, this.stack);
    pulumi.runtime.setAllConfig(withProject(this.project, config));
    run.connect(pulumi.runtime.getMonitor() as unknown as Monitor, this.project, this.stack);
    const failed = (error: unknown) => run.fail("", error);
    process.on("unhandledRejection", failed);
    try {
      const outputs: unknown = await pulumi.runtime
        .runInPulumiStack(() => Promise.resolve().then(program))
        .catch(failed);
      await pulumi.runtime.disconnect();
      await run.deleteWhatIsGone();
      run.throwFailures();
      return { outputs: await plainOutputs(outputs), resources: [...this.states.values()], changes: run.changes };
    } finally {
      process.off("unhandledRejection", failed);
    }
  }

  /** Deletes everything that was made. Objects of a namespace that goes are left to it. */
  async destroy(): Promise<void> {
    const all = [...this.states.values()];
    for (const state of all)
      if (this.makers[packageOf(state.type)]?.goesWith?.(state, all) === true) this.states.delete(state.urn);
    const run = new Run(this.states, this.makers, true);
    await run.deleteWhatIsGone();
    run.throwFailures();
  }
}

/** One run of a program. */
class Run {
  readonly changes: Deployment["changes"] = { create: [], update: [], replace: [], delete: [], same: [] };
  readonly mocks: pulumi.runtime.Mocks;
  private readonly registered = new Set<string>();
  private readonly failures = new Map<string, unknown>();
  private readonly skipped = new Set<string>();
  /** Those that have been replaced, and go last. */
  private readonly replaced: ResourceState[] = [];
  /** What the SDK's stand-in for a connection asks for next; it does so before it returns. */
  private make: () => Promise<Made> = () => Promise.reject(new Error("nothing was registered"));

  constructor(
    private readonly states: Map<string, ResourceState>,
    private readonly makers: Record<string, ResourceMaker>,
    private readonly continueOnError: boolean,
  ) {
    this.mocks = {
      newResource: async () => {
        const { id, outputs } = await this.make();
        return { id, state: outputs };
      },
      call: ({ token }) => {
        throw new Error(`${token} is not known here`);
      },
    };
  }

  connect(monitor: Monitor, project: string, stack: string): void {
    const register = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request, callback) => {
      const urn = urnOf(request, project, stack);
      this.make = () => this.register(urn, request);
      return register(request, (error, response) => {
        response?.setUrn(urn);
        if (this.failures.has(urn)) response?.setResult(Result.FAIL);
        if (this.skipped.has(urn)) response?.setResult(Result.SKIP);
        callback(error, response);
      });
    };
    const read = monitor.readResource.bind(monitor);
    monitor.readResource = (request, callback) => {
      const urn = urnOf(request, project, stack);
      this.make = () => this.read(urn, request);
      return read(request, (error, response) => {
        response?.setUrn(urn);
        callback(error, response);
      });
    };
    monitor.registerResourceOutputs = (_request, callback) => callback(null, {});
  }

  fail(urn: string, error: unknown): void {
    this.failures.set(urn, error);
  }

  throwFailures(): void {
    if (this.failures.size === 0) return;
    const lines = [...this.failures].map(([urn, error]) => `${urn || "the program"}: ${messageOf(error)}`);
    throw new Error(`could not be deployed:\n${lines.join("\n")}`);
  }

  /** What is no longer registered, dependents first; also what has been replaced. */
  async deleteWhatIsGone(): Promise<void> {
    if (this.failures.size > 0 && !this.continueOnError) return;
    const gone = [...this.states.values()].filter(({ urn }) => !this.registered.has(urn) && !this.failures.has(urn));
    let remaining = [...gone, ...this.replaced];
    while (remaining.length > 0) {
      const needed = new Set(remaining.flatMap(({ dependencies }) => dependencies));
      const free = remaining.filter(({ urn }) => !needed.has(urn));
      await Promise.all(free.map((each) => this.deleteOne(each)));
      remaining = remaining.filter((each) => !free.includes(each));
    }
  }

  private async deleteOne(state: ResourceState): Promise<void> {
    try {
      const maker = this.makers[packageOf(state.type)];
      if (!state.retainOnDelete) await maker?.delete(state);
      if (this.replaced.includes(state)) return;
      this.states.delete(state.urn);
      if (maker !== undefined) this.changes.delete.push(state.urn);
    } catch (error) {
      this.fail(state.urn, error);
    }
  }

  private async register(urn: string, request: RegisterResourceRequest): Promise<Made> {
    if (this.registered.has(urn)) throw new Error(`${urn} is registered twice`);
    this.registered.add(urn);
    const inputs = request.getObject()?.toJavaScript() ?? {};
    const dependencies = [request.getParent(), providerUrn(request), ...request.getDependenciesList()].filter(Boolean);
    if (this.mustSkip(inputs, dependencies)) {
      this.skipped.add(urn);
      return { id: "", outputs: {} };
    }
    const options = { dependencies, retainOnDelete: request.getRetainondelete() ?? false };
    const old = this.states.get(urn);
    const declared = this.registration(urn, request, unwrapSecrets(inputs) as Properties);
    const registration = this.withoutIgnored(old, declared, request.getIgnorechangesList());
    try {
      const made = await this.change(old, registration, request.getDeletebeforereplace());
      this.states.set(urn, { ...registration, ...made, ...options, isReady: true });
      return made;
    } catch (error) {
      this.fail(urn, error);
      if (error instanceof UnreadyError)
        this.states.set(urn, { ...registration, ...error.made, ...options, isReady: false });
      return { id: "", outputs: {} };
    }
  }

  private mustSkip(inputs: Properties, dependencies: readonly string[]): boolean {
    if (this.failures.size > 0 && !this.continueOnError) return true;
    if (dependencies.some((each) => this.failures.has(each) || this.skipped.has(each))) return true;
    return JSON.stringify(inputs).includes(UNKNOWN);
  }

  private registration(
    urn: string,
    request: RegisterResourceRequest | ReadResourceRequest,
    inputs: Properties,
  ): Registration {
    const provider = this.states.get(providerUrn(request))?.inputs ?? {};
    return { urn, type: request.getType(), name: request.getName(), inputs, provider };
  }

  /** What a resource is to become; one that is made anew is made as it is declared. */
  private withoutIgnored(
    old: ResourceState | undefined,
    declared: Registration,
    ignored: readonly string[],
  ): Registration {
    if (old === undefined || ignored.length === 0) return declared;
    const kept = { ...declared, inputs: keepIgnored(declared.inputs, old.inputs, ignored) };
    const difference = this.makers[packageOf(declared.type)]?.compare(old, kept);
    return difference === "same" || difference === "update" ? kept : declared;
  }

  private async change(
    old: ResourceState | undefined,
    registration: Registration,
    deleteBeforeReplace: boolean,
  ): Promise<Made> {
    const { urn, name, type, inputs } = registration;
    const maker = this.makers[packageOf(type)];
    if (maker === undefined) {
      if (packageOf(type) === "pulumi-nodejs") throw new Error(`${type} is not known here`);
      return { id: name, outputs: inputs }; // components and providers
    }
    if (old === undefined) {
      this.changes.create.push(urn);
      return maker.create(registration);
    }
    const difference = maker.compare(old, registration);
    if (difference === "same" && old.isReady) {
      this.changes.same.push(urn);
      return { id: old.id, outputs: old.outputs };
    }
    if (difference === "update" || difference === "same") {
      this.changes.update.push(urn);
      return maker.update(old, registration);
    }
    this.changes.replace.push(urn);
    if (deleteBeforeReplace || difference === "delete, then create") await maker.delete(old);
    else this.replaced.push(old);
    return maker.create(registration);
  }

  private async read(urn: string, request: ReadResourceRequest): Promise<Made> {
    try {
      const inputs = unwrapSecrets(request.getProperties()?.toJavaScript() ?? {}) as Properties;
      const registration = this.registration(urn, request, inputs);
      return await this.makers[packageOf(registration.type)].read(registration, request.getId());
    } catch (error) {
      this.fail(urn, error);
      throw error;
    }
  }
}

function urnOf(request: RegisterResourceRequest | ReadResourceRequest, project: string, stack: string): string {
  const [, , parentType = ""] = request.getParent().split("::");
  const types = parentType === "" || parentType === "pulumi:pulumi:Stack" ? [] : [parentType];
  return `urn:pulumi:${stack}::${project}::${[...types, request.getType()].join("$")}::${request.getName()}`;
}

/** A provider is named by its URN and its id. */
function providerUrn(request: RegisterResourceRequest | ReadResourceRequest): string {
  return request.getProvider().split("::").slice(0, -1).join("::");
}

function packageOf(type: string): string {
  return type.split(":")[0];
}

function withProject(project: string, config: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [`${project}:${name}`, value]));
}

/** What the program returned, without the promises in it. */
async function plainOutputs(outputs: unknown): Promise<Properties> {
  const resolved = pulumi.output(outputs) as pulumi.Output<Properties | undefined> & { promise(): Promise<Properties> };
  return (await resolved.promise()) ?? {};
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
