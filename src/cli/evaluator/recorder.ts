import { AsyncLocalStorage } from "node:async_hooks";

import type * as Pulumi from "@pulumi/pulumi";

import { type LocalFile } from "../../platforms/local/localFiles";
import { type DeploymentAnswer, type EvaluationResult } from "./messages";

/** Type tokens of the files of local regions; see src/platforms/local/localResources.ts. */
export interface FileTypes {
  document: string;
  secretFile: string;
}

/** The parts of the SDK's registration requests that are read here. */
interface RegistrationRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
}
interface RegisterRequest extends RegistrationRequest {
  getCustom(): boolean;
  getRemote(): boolean;
  getObject(): Struct | undefined;
  getPropertydependenciesMap(): { get(key: string): { getUrnsList(): string[] } | undefined };
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): Struct | undefined;
}
interface Struct {
  toJavaScript(): Record<string, unknown>;
}
type Callback = (error: unknown, response?: { getUrn(): string }) => void;
interface Monitor {
  registerResource(request: RegisterRequest, callback: Callback): unknown;
  readResource(request: RegistrationRequest, callback: Callback): unknown;
  registerResourceOutputs(request: OutputsRequest, callback: Callback): unknown;
}

/** A file that needs something that is known only after a deployment. */
export class UnknownValueError extends Error {
  override readonly name = "UnknownValueError";
}

const STACK_TYPE = "pulumi:pulumi:Stack";
const REGION_TYPE = "fullcode:index:Region";

/**
 * Stands in for the Pulumi engine: takes the registrations of a program, keeps those of local regions, and gives
 * resources of other packages the outputs of the stack's last deployment.
 */
export class Recorder {
  private readonly files: LocalFile[] = [];
  private readonly unknowns: { file: string; dependencies: string[] }[] = [];
  private readonly regions: string[] = [];
  private outputs: Record<string, unknown> = {};
  /** URN that the mocks gave → the URN that the engine would give. */
  private readonly urns = new Map<string, string>();
  /** Resources without outputs, and why. */
  private readonly undeployed = new Map<string, string | undefined>();
  /** Resource → outputs that are not among its inputs. */
  private readonly outputNames = new Map<string, string[]>();
  private readonly current = new AsyncLocalStorage<{ urn: string; foreign: boolean }>();

  constructor(
    private readonly pulumi: typeof Pulumi,
    private readonly fileTypes: FileTypes,
    private readonly deployed: (urn: string) => Promise<DeploymentAnswer>,
  ) {}

  /** Makes this the engine of all programs that this process loads from now on. */
  async install(project: string, stack: string): Promise<void> {
    const { runtime } = this.pulumi;
    const mocks: Pulumi.runtime.Mocks = {
      newResource: (args) => this.stateOf(args),
      call: ({ token }) => {
        throw callProblem(token, stack);
      },
    };
    await runtime.setMocks(mocks, project, stack, true, "organization");
    const monitor = runtime.getMonitor() as unknown as Monitor;
    const registerResource = monitor.registerResource.bind(monitor);
    const readResource = monitor.readResource.bind(monitor);
    const registerResourceOutputs = monitor.registerResourceOutputs.bind(monitor);
    monitor.registerResource = (request, callback) => {
      const urn = this.urnOf(request, project, stack);
      this.record(request);
      const foreign = (request.getCustom() || request.getRemote()) && !this.isFile(request);
      return this.current.run({ urn, foreign }, () => registerResource(request, this.remember(urn, callback)));
    };
    monitor.readResource = (request, callback) => {
      const urn = this.urnOf(request, project, stack);
      return this.current.run({ urn, foreign: true }, () => readResource(request, this.remember(urn, callback)));
    };
    monitor.registerResourceOutputs = (request, callback) => {
      if (typeOf(request.getUrn()).endsWith(STACK_TYPE))
        this.outputs = this.shown(request.getOutputs()?.toJavaScript() ?? {}) as Record<string, unknown>;
      return registerResourceOutputs(request, callback);
    };
  }

  /** Called within the stack, before the program: learns which outputs the resources of other packages have. */
  watchOutputNames(): void {
    this.pulumi.runtime.registerStackTransformation(({ type, name, props }) => {
      const inputs = props as Record<string, unknown>;
      const outputs = Object.keys(inputs).filter((key) => inputs[key] === undefined && !key.startsWith("__"));
      this.outputNames.set(`${type}::${name}`, outputs);
      return undefined;
    });
  }

  /**
   * What the program has declared.
   *
   * @throws UnknownValueError when a file needs an output that is not known.
   */
  result(): EvaluationResult {
    const problems = this.unknowns.map((unknown) => this.describe(unknown));
    if (problems.length > 0) throw new UnknownValueError([...new Set(problems)].join("\n"));
    const local = new Set(this.files.map(({ folder }) => folder.split("/").slice(-2).join(".")));
    return {
      kind: "evaluated",
      files: this.files,
      outputs: this.outputs,
      remoteRegions: this.regions.filter((region) => !local.has(region)),
    };
  }

  private isFile(request: RegistrationRequest): boolean {
    return [this.fileTypes.document, this.fileTypes.secretFile].includes(request.getType());
  }

  private record(request: RegisterRequest): void {
    if (request.getType() === REGION_TYPE) this.regions.push(request.getName());
    if (!this.isFile(request)) return;
    const { folder, file, content } = this.plain(request.getObject()?.toJavaScript() ?? {}) as LocalFile;
    if (this.hasUnknown(content)) {
      const dependencies = request.getPropertydependenciesMap().get("content")?.getUrnsList() ?? [];
      this.unknowns.push({
        file: `${folder}/${file}`,
        dependencies: dependencies.map((urn) => this.urns.get(urn) ?? urn),
      });
    }
    this.files.push({ folder, file, content });
  }

  private async stateOf(args: Pulumi.runtime.MockResourceArgs): Promise<Pulumi.runtime.MockResourceResult> {
    const inputs = args.inputs as Record<string, unknown>;
    const resource = this.current.getStore();
    if (resource?.foreign !== true || args.type.startsWith("pulumi:providers:"))
      return { id: args.name, state: inputs };
    const answer = await this.deployed(resource.urn);
    if (answer.resource !== undefined) return { id: answer.resource.id, state: answer.resource.outputs };
    this.undeployed.set(resource.urn, answer.problem);
    return { id: undefined, state: inputs };
  }

  private describe({ file, dependencies }: { file: string; dependencies: string[] }): string {
    const missing = dependencies.filter((urn) => this.undeployed.has(urn));
    const named = (missing.length > 0 ? missing : dependencies).map((urn) => this.namedWithOutputs(urn));
    const source = named.length === 0 ? "a value" : `an output of ${named.join(" or ")}`;
    const reason = missing.map((urn) => this.undeployed.get(urn)).find((problem) => problem !== undefined);
    const stack = this.pulumi.getStack();
    return (
      `${file} needs ${source} that is known only after a deployment` +
      `${reason === undefined ? "" : `, and the last deployment cannot be read: ${reason}`}. ` +
      `Deploy the stack once with "pulumi up --stack ${stack}", or take the value from configuration and set it in .env.${stack}.`
    );
  }

  private namedWithOutputs(urn: string): string {
    const [type, name] = [typeOf(urn), nameOf(urn)];
    const outputs = this.outputNames.get(`${type}::${name}`) ?? [];
    return `${type} "${name}"` + (outputs.length === 0 ? "" : ` (${["id", ...outputs].join(", ")})`);
  }

  private remember(urn: string, callback: Callback): Callback {
    return (error, response) => {
      if (response !== undefined) this.urns.set(response.getUrn(), urn);
      callback(error, response);
    };
  }

  /** The mocks' own URNs leave out all but the nearest parent, so a state has others. */
  private urnOf(request: RegistrationRequest, project: string, stack: string): string {
    const parent = this.urns.get(request.getParent());
    const parentType = parent === undefined ? STACK_TYPE : qualifiedTypeOf(parent);
    const type = parentType === STACK_TYPE ? request.getType() : `${parentType}$${request.getType()}`;
    return ["urn:pulumi:" + stack, project, type, request.getName()].join("::");
  }

  private hasUnknown(value: unknown): boolean {
    if (typeof value !== "object" || value === null) return value === this.pulumi.runtime.unknownValue;
    return Object.values(value).some((item) => this.hasUnknown(item));
  }

  /** Takes secrets out of their envelopes. */
  private plain(value: unknown): unknown {
    return this.mapEnvelopes(value, (secret) => this.plain(secret));
  }

  private shown(value: unknown): unknown {
    if (value === this.pulumi.runtime.unknownValue) return "[known after a deployment]";
    return this.mapEnvelopes(
      value,
      () => "[secret]",
      (item) => this.shown(item),
    );
  }

  private mapEnvelopes(
    value: unknown,
    ofSecret: (value: unknown) => unknown,
    ofOther: (value: unknown) => unknown = (item) => this.plain(item),
  ): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(ofOther);
    const { specialSigKey, specialSecretSig } = this.pulumi.runtime;
    const envelope = value as Record<string, unknown>;
    if (envelope[specialSigKey] === specialSecretSig) return ofSecret(envelope.value);
    return Object.fromEntries(Object.entries(envelope).map(([key, item]) => [key, ofOther(item)]));
  }
}

/** The SDK shows the `details` of what the engine answers, and not its message. */
function callProblem(token: string, stack: string): Error {
  const details =
    `${token} cannot be called without the Pulumi engine. Give its result as configuration instead, e.g. as a line in ` +
    `.env.${stack}, or leave the call out of stack "${stack}".`;
  return Object.assign(new Error(details), { details });
}

function qualifiedTypeOf(urn: string): string {
  return urn.split("::")[2] ?? "";
}

function typeOf(urn: string): string {
  return qualifiedTypeOf(urn).split("$").pop() ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
