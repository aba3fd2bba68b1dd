import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";

import { Kubectl, type KubernetesObject } from "../kubectl";
import { Limiter } from "./limiter";
import { untilReady } from "./readiness";
import {
  type Difference,
  type Made,
  type Properties,
  type Registration,
  type ResourceMaker,
  type ResourceState,
  UnreadyError,
} from "./resourceState";

/** What an object is found by. */
type Manifest = Pick<KubernetesObject, "apiVersion" | "kind"> & { metadata: { name: string; namespace?: string } };

/** Fields that Kubernetes, or the provider for its sake, does not let change in place. */
const REPLACING: Record<string, readonly string[]> = {
  ConfigMap: ["data", "binaryData"],
  Secret: ["data", "stringData", "type"],
  Deployment: ["spec.selector"],
  StatefulSet: ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"],
  Service: ["spec.clusterIP"],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"],
};
/** The provider's arguments that let the data of these kinds change in place. */
const MUTABLE: Record<string, string> = { ConfigMap: "enableConfigMapMutable", Secret: "enableSecretMutable" };

/** Objects sent at a time: each is a process. */
const PARALLEL = 6;

/** Objects of @pulumi/kubernetes: applied on the server's side, and waited for as the provider does. */
export class KubernetesResources implements ResourceMaker {
  private readonly clients = new Map<string, Kubectl>();
  private readonly processes = new Limiter(PARALLEL);

  async create(registration: Registration): Promise<Made> {
    const { name, inputs } = registration;
    const metadata = (inputs.metadata ?? {}) as Properties;
    if (inputs.kind === "Namespace") await this.deleteLeftovers(registration);
    if (metadata.name !== undefined) return this.apply(registration, inputs);
    const annotations = { ...(metadata.annotations as Properties), "pulumi.com/autonamed": "true" };
    const autonamed = { ...metadata, name: `${name}-${randomBytes(4).toString("hex")}`, annotations };
    return this.apply(registration, { ...inputs, metadata: autonamed });
  }

  update(old: ResourceState, registration: Registration): Promise<Made> {
    const { name, annotations } = old.outputs.metadata as KubernetesObject["metadata"];
    const metadata = (registration.inputs.metadata ?? {}) as Properties;
    if (metadata.name !== undefined) return this.apply(registration, registration.inputs);
    const autonamed = { "pulumi.com/autonamed": annotations?.["pulumi.com/autonamed"] };
    return this.apply(registration, {
      ...registration.inputs,
      metadata: { ...metadata, name, annotations: { ...(metadata.annotations as Properties), ...autonamed } },
    });
  }

  compare(old: ResourceState, { inputs, provider, type }: Registration): Difference {
    const hasChanged = (path: string) => !isDeepStrictEqual(fieldOf(old.inputs, path), fieldOf(inputs, path));
    const isNamed = fieldOf(inputs, "metadata.name") !== undefined;
    const replacing = isOn(provider[MUTABLE[String(inputs.kind)]]) ? [] : (REPLACING[String(inputs.kind)] ?? []);
    const moved = ["metadata.name", "metadata.namespace"].some(hasChanged) || !isSameCluster(old.provider, provider);
    if (moved || type !== old.type) return "replace";
    if (replacing.some(hasChanged)) return isNamed ? "delete, then create" : "replace";
    return isDeepStrictEqual(old.inputs, inputs) ? "same" : "update";
  }

  delete({ outputs, provider }: ResourceState): Promise<void> {
    const manifest = manifestOf(outputs);
    // the last pods of a namespace take their time to end, and what comes next has another namespace
    return this.deleteObject(manifest, provider, manifest.kind !== "Namespace");
  }

  goesWith({ outputs, provider }: ResourceState, others: readonly ResourceState[]): boolean {
    const namespace = fieldOf(outputs, "metadata.namespace");
    return others.some(
      (other) =>
        other.outputs.kind === "Namespace" &&
        fieldOf(other.outputs, "metadata.name") === namespace &&
        isSameCluster(other.provider, provider),
    );
  }

  /** A run that was cut short leaves its namespace behind, with pods that have minutes to end. */
  private async deleteLeftovers({ inputs, provider }: Registration): Promise<void> {
    const manifest = manifestOf(inputs);
    const client = this.client(provider);
    const { name } = manifest.metadata;
    if ((await client.run(["get", "namespace", name, "--ignore-not-found"])) === "") return;
    const kinds = "scaledobjects,deployments,statefulsets,pods";
    await client.run(["delete", kinds, "--all", "--namespace", name, "--grace-period=0", "--force"]);
    await this.deleteObject(manifest, provider, true);
  }

  private async deleteObject(manifest: Manifest, provider: Properties, wait: boolean): Promise<void> {
    const how = ["--cascade=foreground", "--ignore-not-found", `--wait=${wait}`, "--timeout", "240s"];
    await this.processes.run(() =>
      this.client(provider).run(["delete", ...how, "--filename", "-"], {
        input: JSON.stringify(manifest),
        timeoutMs: 250_000,
      }),
    );
  }

  async read({ inputs, provider, type }: Registration, id: string): Promise<Made> {
    const [, group, kind] = /^kubernetes:([^:]*)\/[^:]*:(.*)$/.exec(type) ?? [];
    if (kind === undefined) throw new Error(`${type} is not known here`);
    const [name, namespace] = id.split("/").reverse();
    const plural = `${kind}.${group.replace(/^core$/, "")}`.replace(/\.$/, "");
    const where = namespace === undefined ? [] : ["--namespace", namespace];
    return { id, outputs: { ...inputs, ...(await this.client(provider).json(["get", ...where, plural, name])) } };
  }

  /** Makes an object what it should be, and waits until it is. */
  protected async apply(registration: Registration, object: Properties): Promise<Made> {
    const applied = await this.send(registration, object);
    const { inputs, provider } = registration;
    try {
      return madeOf(inputs, await untilReady(this.client(provider), applied));
    } catch (error) {
      throw new UnreadyError((error as Error).message, madeOf(inputs, applied));
    }
  }

  protected send({ provider, urn }: Registration, object: Properties, ...options: string[]): Promise<KubernetesObject> {
    if (typeof object.kind !== "string") throw new Error(`${urn} is no Kubernetes object`);
    const needsPlace = typeof provider.namespace === "string" && fieldOf(object, "metadata.namespace") === undefined;
    const where = needsPlace ? ["--namespace", String(provider.namespace)] : [];
    const how = ["--server-side", "--field-manager", "fullcode-test", ...where, ...options];
    return this.processes.run(() =>
      this.client(provider).json(["apply", ...how, "--filename", "-"], { input: JSON.stringify(object) }),
    );
  }

  private client(provider: Properties): Kubectl {
    const key = JSON.stringify([provider.kubeconfig, provider.context]);
    const client =
      this.clients.get(key) ?? new Kubectl(kubeconfigFile(provider.kubeconfig), provider.context as string);
    this.clients.set(key, client);
    return client;
  }
}

/** What a program gets to know of an object that was made from its inputs. */
export function madeOf(inputs: Properties, object: KubernetesObject): Made {
  const { name, namespace } = object.metadata;
  return {
    id: namespace === undefined ? name : `${namespace}/${name}`,
    outputs: withSecrets({ ...inputs, ...object }),
  };
}

/** The provider takes the path of a kubeconfig or its text. */
function kubeconfigFile(kubeconfig: unknown): string | undefined {
  if (typeof kubeconfig !== "string" || !/[\n{]/.test(kubeconfig)) return kubeconfig as string | undefined;
  const file = join(mkdtempSync(join(tmpdir(), "fullcode-kubeconfig-")), "config");
  writeFileSync(file, kubeconfig, { mode: 0o600 });
  return file;
}

/** A changed identifier says that it is another cluster; without one a changed context or kubeconfig does. */
function isSameCluster(old: Properties, now: Properties): boolean {
  if (now.clusterIdentifier !== undefined) return now.clusterIdentifier === old.clusterIdentifier;
  return now.kubeconfig === old.kubeconfig && now.context === old.context;
}

/** Providers are sent their arguments as JSON. */
function isOn(argument: unknown): boolean {
  return argument === true || argument === "true";
}

function fieldOf(object: Properties, path: string): unknown {
  return path.split(".").reduce<unknown>((value, field) => (value as Properties | undefined)?.[field], object);
}

function manifestOf(outputs: Properties): Manifest {
  const { apiVersion, kind, metadata } = outputs as unknown as Manifest;
  const { name, namespace } = metadata;
  return { apiVersion, kind, metadata: { name, namespace } };
}

function withSecrets(outputs: Properties): Properties {
  if (outputs.kind !== "Secret") return outputs;
  const { data, stringData } = outputs;
  return {
    ...outputs,
    data: pulumi.secret(data),
    ...(stringData !== undefined && { stringData: pulumi.secret(stringData) }),
  };
}
