import { KubernetesResources, madeOf } from "./engine/kubernetesResources";
import type { Made, Properties, Registration, ResourceMaker, ResourceState } from "./engine/resourceState";
import type { KubernetesObject } from "./kubectl";

/** Has the API server check objects without making them. Namespaces are made: what is in one can't be checked without it. */
export class CheckedObjects extends KubernetesResources {
  /** What the API server would have made, and the context of the cluster. */
  readonly checked: { context: string; object: KubernetesObject }[] = [];

  /** @throws Error also for what the API server only warns of, such as a pod that is not `restricted`. */
  protected override async apply(registration: Registration, object: Properties): Promise<Made> {
    const isMade = object.kind === "Namespace";
    const options = ["--warnings-as-errors", ...(isMade ? [] : ["--dry-run=server"])];
    const result = await this.send(registration, object, ...options);
    this.checked.push({ context: String(registration.provider.context), object: result });
    return madeOf(registration.inputs, withAddress(result));
  }

  override async delete(old: ResourceState): Promise<void> {
    if (old.inputs.kind === "Namespace") await super.delete(old);
  }
}

/** A load balancer that nobody has made has an address too. */
function withAddress(object: KubernetesObject): KubernetesObject {
  const { type } = (object.spec ?? {}) as { type?: string };
  if (type !== "LoadBalancer") return object;
  return { ...object, status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
}

/** Images that nobody builds. */
export class UnbuiltImages implements ResourceMaker {
  create({ inputs }: Registration): Promise<Made> {
    const imageName = String(inputs.imageName);
    const repoDigest = `${imageName.replace(/:[^:/]*$/, "")}@sha256:${"0".repeat(64)}`;
    return Promise.resolve({ id: imageName, outputs: { ...inputs, repoDigest } });
  }
  compare(): "same" {
    return "same";
  }
  update(): Promise<Made> {
    throw new Error("nothing was built");
  }
  delete(): Promise<void> {
    return Promise.resolve();
  }
  read(): Promise<Made> {
    throw new Error("nothing was built");
  }
}
