import * as pulumi from "@pulumi/pulumi";

/** A resource as a program registers it. */
export interface DeclaredResource {
  urn: string;
  type: string;
  name: string;
  /** URN of the parent. */
  parent: string;
  /** As they are sent to the engine: secrets are in envelopes. */
  inputs: Record<string, unknown>;
}

/** What resources of a type have after their creation, beside their inputs; by type token. */
export type OutputsOfTypes = Record<string, Record<string, unknown>>;

/** The parts of a registration that are read here. */
interface Registration {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}
type Register = (request: Registration, callback: (error: unknown, response?: { getUrn(): string }) => void) => unknown;

/** Runs a program against a stand-in for the engine, and returns what it registers, sorted by URN, and its outputs. */
export async function declareProgram(
  program: () => unknown,
  options: { project?: string; stack?: string; outputs?: OutputsOfTypes } = {},
): Promise<{ resources: DeclaredResource[]; outputs: Record<string, unknown> }> {
  const { project = "shop", stack = "dev" } = options;
  const resources: DeclaredResource[] = [];
  await useMocks(project, stack, options.outputs);
  const monitor = pulumi.runtime.getMonitor() as unknown as { registerResource: Register };
  const register = monitor.registerResource.bind(monitor);
  const urns = new Map<string, string>();
  monitor.registerResource = (request, callback) => {
    const parent = urns.get(request.getParent()) ?? "";
    const qualified = parent === "" || parent.includes("::pulumi:pulumi:Stack::") ? "" : `${parent.split("::")[2]}$`;
    const [type, name] = [request.getType(), request.getName()];
    const urn = `urn:pulumi:${stack}::${project}::${qualified}${type}::${name}`;
    resources.push({ urn, type, name, parent, inputs: request.getObject()?.toJavaScript() ?? {} });
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
export async function useMocks(project = "shop", stack = "dev", outputs: OutputsOfTypes = {}): Promise<void> {
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ type, name, inputs }) => ({
      id: name,
      state: { ...(inputs as Record<string, unknown>), ...outputs[type] },
    }),
    call: ({ token }) => {
      throw new Error(`unexpected call of ${token}`);
    },
  };
  await pulumi.runtime.setMocks(mocks, project, stack);
}

/** The value in a secret's envelope. */
export function unwrapSecret(value: unknown): unknown {
  const envelope = value as Record<string, unknown>;
  if (envelope[pulumi.runtime.specialSigKey] !== pulumi.runtime.specialSecretSig)
    throw new Error(`not a secret: ${JSON.stringify(value)}`);
  return envelope.value;
}
