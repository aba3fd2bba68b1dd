import * as pulumi from "@pulumi/pulumi";

/** A resource as a program registers it. */
export interface DeclaredResource {
  urn: string;
  type: string;
  name: string;
  /** URN of the parent. */
  parent: string;
  /** Name of the provider, where it is not the default one. */
  provider: string | undefined;
  /** URNs of what it depends on. */
  dependencies: string[];
  /** Inputs → URNs of what their values come from. */
  propertyDependencies: Record<string, string[]>;
  /** Paths of inputs whose changes are left alone. */
  ignoreChanges: string[];
  /** Whether it goes before what takes its place is there. */
  deleteBeforeReplace: boolean;
  /** As they are sent to the engine: secrets are in envelopes. */
  inputs: Record<string, unknown>;
}

/** What resources of a type have after their creation, beside their inputs; by type token. */
export type OutputsOfTypes = Record<string, Record<string, unknown>>;
/** What a resource has after its creation, beside its inputs. */
export type OutputsOf = (resource: pulumi.runtime.MockResourceArgs) => Record<string, unknown>;
type Outputs = OutputsOfTypes | OutputsOf;

/** The parts of a registration that are read here. */
interface Registration {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getDependenciesList(): string[];
  getPropertydependenciesMap(): { forEach(each: (value: { getUrnsList(): string[] }, key: string) => void): void };
  getIgnorechangesList(): string[];
  getDeletebeforereplace(): boolean;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}
type Register = (request: Registration, callback: (error: unknown, response?: { getUrn(): string }) => void) => unknown;

/** Runs a program against a stand-in for the engine, and returns what it registers, sorted by URN, and its outputs. */
export async function declareProgram(
  program: () => unknown,
  options: { project?: string; stack?: string; outputs?: Outputs; preview?: boolean } = {},
): Promise<{ resources: DeclaredResource[]; outputs: Record<string, unknown> }> {
  const { project = "shop", stack = "dev" } = options;
  const resources: DeclaredResource[] = [];
  await useMocks(project, stack, options.outputs, options.preview);
  const monitor = pulumi.runtime.getMonitor() as unknown as { registerResource: Register };
  const register = monitor.registerResource.bind(monitor);
  const urns = new Map<string, string>();
  monitor.registerResource = (request, callback) => {
    const parent = urns.get(request.getParent()) ?? "";
    const qualified = parent === "" || parent.includes("::pulumi:pulumi:Stack::") ? "" : `${parent.split("::")[2]}$`;
    const [type, name] = [request.getType(), request.getName()];
    const urn = `urn:pulumi:${stack}::${project}::${qualified}${type}::${name}`;
    // a reference of a provider is its URN and its id
    const provider = request.getProvider() === "" ? undefined : request.getProvider().split("::")[3];
    const urnsOf = (list: string[]) => list.map((dependency) => urns.get(dependency) ?? dependency);
    const dependencies = urnsOf(request.getDependenciesList());
    const propertyDependencies: Record<string, string[]> = {};
    request.getPropertydependenciesMap().forEach((value, property) => {
      propertyDependencies[property] = urnsOf(value.getUrnsList());
    });
    const inputs = request.getObject()?.toJavaScript() ?? {};
    const options = {
      ignoreChanges: request.getIgnorechangesList(),
      deleteBeforeReplace: request.getDeletebeforereplace(),
    };
    resources.push({ urn, type, name, parent, provider, dependencies, propertyDependencies, ...options, inputs });
    return register(request, (error, response) => {
      if (response !== undefined) urns.set(response.getUrn(), urn);
      callback(error, response);
    });
  };
  const outputs: unknown = await pulumi.runtime.runInPulumiStack(() => Promise.resolve(program()));
  await pulumi.runtime.disconnect();
  return {
    resources: resources.sort((a, b) => (a.urn < b.urn ? -1 : 1)),
    outputs: (outputs ?? {}) as Record<string, unknown>,
  };
}

/** Lets components be constructed without the engine. */
export async function useMocks(project = "shop", stack = "dev", outputs: Outputs = {}, preview = false): Promise<void> {
  const outputsOf = typeof outputs === "function" ? outputs : ({ type }: { type: string }) => outputs[type] ?? {};
  const mocks: pulumi.runtime.Mocks = {
    newResource: (resource) => ({
      id: resource.name,
      state: { ...(resource.inputs as Record<string, unknown>), ...outputsOf(resource) },
    }),
    call: ({ token }) => {
      throw new Error(`unexpected call of ${token}`);
    },
  };
  await pulumi.runtime.setMocks(mocks, project, stack, preview);
}

/** The value in a secret's envelope. */
export function unwrapSecret(value: unknown): unknown {
  const envelope = value as Record<string, unknown>;
  if (envelope[pulumi.runtime.specialSigKey] !== pulumi.runtime.specialSecretSig)
    throw new Error(`not a secret: ${JSON.stringify(value)}`);
  return envelope.value;
}
