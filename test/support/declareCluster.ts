import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import { clusterProviders } from "./clusterProviders";
import { type DeclaredResource, declareProgram } from "./declareProgram";

/** What a program with `kubernetes()` regions registers. */
export class DeclaredCluster {
  constructor(
    readonly resources: readonly DeclaredResource[],
    readonly outputs: Record<string, unknown>,
  ) {}

  /** A resource by the end of its type and by its name. */
  resource(type: string, name: string): DeclaredResource {
    const found = this.resources.filter((each) => each.type.endsWith(`:${type}`) && each.name === name);
    if (found.length !== 1) throw new Error(`${found.length} resources are a ${type} "${name}"`);
    return found[0];
  }

  /** Inputs of an object, with secrets as they are, outside of their envelopes. */
  object<Kind = Record<string, unknown>>(type: string, name: string): Kind {
    return plain(this.resource(type, name).inputs) as Kind;
  }

  /** Content of a document's ConfigMap. */
  document(name: string): Record<string, unknown> {
    const { data } = this.object<{ data: Record<string, string> }>("ConfigMap", name);
    return JSON.parse(data["document.json"]) as Record<string, unknown>;
  }

  /** Every object of Kubernetes, with secrets as they are. */
  get objects(): { resource: DeclaredResource; object: Record<string, unknown> }[] {
    return this.resources
      .filter(({ type }) => type.startsWith("kubernetes:"))
      .map((resource) => ({ resource, object: plain(resource.inputs) as Record<string, unknown> }));
  }
}

/** Runs a program as {@link declareProgram} does, with what providers of clusters add. */
export async function declareCluster(program: () => unknown, { preview = false } = {}): Promise<DeclaredCluster> {
  const outputs = preview ? {} : clusterProviders;
  const declared = await declareProgram(program, { outputs, preview });
  return new DeclaredCluster(declared.resources, declared.outputs);
}

/** A value without the envelopes of its secrets. */
export function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const object = value as Record<string, unknown>;
  if (object[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig) return plain(object.value);
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, plain(each)]));
}

/** Has the tests of a file run in a project of their own, where images are staged. */
export function inProjectFolder(): void {
  const before = process.cwd();
  let folder = "";
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "fullcode-project-")));
    writeFileSync(join(folder, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });
}
