import * as pulumi from "@pulumi/pulumi";

import { STACK_LABEL } from "../../spec";
import type { Transform } from "../platform";
import { labelsOf, type ObjectRole, stackLabel } from "./labels";
import type { ObjectKinds, ObjectMeta, PodSpec, PodTemplate } from "./objects";
import { loadPackage } from "./packages";
import type { RegionSettings } from "./settings";

/** What an object's metadata are made from. */
export interface ObjectIdentity extends ObjectRole {
  /** Its name in the cluster; `undefined` has one made that no other object ever had. */
  objectName: string | undefined;
  annotations?: Readonly<Record<string, string>>;
}

/** Fields of an object beside its metadata. */
type Body<Kind extends keyof ObjectKinds> = {
  [
    Field in keyof ObjectKinds[Kind] as string extends Field ? never : Exclude<Field, "metadata">
  ]: ObjectKinds[Kind][Field];
};

/** An object that was registered. */
export type CreatedObject = pulumi.CustomResource & { readonly metadata: pulumi.Output<{ name: string }> };

type ObjectClass = new (name: string, args: never, options: pulumi.CustomResourceOptions) => pulumi.CustomResource;

/** Registers the objects of one region: with its provider, its namespace, its labels and its transforms. */
export class RegionObjects {
  private readonly classes: Record<keyof ObjectKinds, ObjectClass>;
  private readonly dependsOn: pulumi.Resource[] = [];
  /** Names of the Secrets that nodes log in with at the registry. */
  private readonly pullSecrets: string[];

  constructor(
    private readonly settings: RegionSettings,
    private readonly provider: pulumi.ProviderResource,
  ) {
    this.classes = objectClasses();
    this.pullSecrets = [...settings.imagePullSecrets];
  }

  /**
   * Has the pods that are created later pull their images with a Secret.
   *
   * @param secretName - A plain one: of an object that has an output of the Secret in it, the engine may take a Secret that is
   * deleted and made again for a reason to replace the object too.
   */
  pullWith(secretName: string, secret: CreatedObject): void {
    this.pullSecrets.push(secretName);
    this.dependsOn.push(secret);
  }

  /** Makes the namespace, on which all objects that are created later depend. */
  createNamespace(name: string, labels: Record<string, string>, parent: pulumi.Resource): CreatedObject {
    const { namespace } = this.settings;
    const identity = { objectName: namespace, name: namespace, component: "namespace", labels };
    const created = this.create("Namespace", name, identity, {}, { parent });
    this.dependsOn.push(created);
    return created;
  }

  /** @param name - Of the resource. */
  create<Kind extends keyof ObjectKinds>(
    kind: Kind,
    name: string,
    identity: ObjectIdentity,
    body: Body<Kind>,
    options: pulumi.CustomResourceOptions,
  ): CreatedObject {
    const { place, transform } = this.settings;
    const object = { ...CUSTOM_RESOURCES[kind], metadata: this.metadata(kind, identity), ...body };
    const resourceOptions: pulumi.CustomResourceOptions = {
      provider: this.provider,
      ...options,
      dependsOn: [...this.dependsOn, ...listOf(options.dependsOn)],
    };
    const change = transform[kind] as Transform<object> | undefined;
    change?.(object, resourceOptions, place);
    return new this.classes[kind](name, object as never, resourceOptions) as CreatedObject;
  }

  /** A pod with the region's labels and annotations, and where it may run. */
  podTemplate(role: ObjectRole, spec: PodSpec): PodTemplate {
    const { nodeSelector, tolerations, priorityClassName } = this.settings;
    const imagePullSecrets = this.pullSecrets.map((name) => ({ name }));
    return {
      metadata: { labels: this.labels(role), ...this.annotations() },
      spec: {
        ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
        ...(nodeSelector !== undefined && { nodeSelector }),
        ...(tolerations !== undefined && { tolerations }),
        ...(priorityClassName !== undefined && { priorityClassName }),
        ...spec,
      },
    };
  }

  private metadata(kind: keyof ObjectKinds, { objectName, annotations, ...role }: ObjectIdentity): ObjectMeta {
    return {
      ...(objectName !== undefined && { name: objectName }),
      ...(kind !== "Namespace" && { namespace: this.settings.namespace }),
      labels: { ...this.labels(role), [STACK_LABEL]: stackLabel(pulumi.getProject(), pulumi.getStack()) },
      ...this.annotations(annotations),
    };
  }

  private labels(role: ObjectRole): Record<string, string> {
    return { ...this.settings.labels, ...labelsOf(role, this.settings.app, this.settings.place) };
  }

  private annotations(own: Readonly<Record<string, string>> = {}): Pick<ObjectMeta, "annotations"> {
    const annotations = { ...this.settings.annotations, ...own };
    return Object.keys(annotations).length === 0 ? {} : { annotations };
  }
}

function listOf(dependsOn: pulumi.CustomResourceOptions["dependsOn"]): pulumi.Input<pulumi.Resource>[] {
  return (Array.isArray(dependsOn) ? dependsOn : [dependsOn ?? []].flat()) as pulumi.Input<pulumi.Resource>[];
}

/** Kinds that are no part of Kubernetes itself. */
const CUSTOM_RESOURCES: { [Kind in keyof ObjectKinds]?: { apiVersion: string; kind: Kind } } = {
  HTTPRoute: { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" },
  ScaledObject: { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject" },
};

function objectClasses(): Record<keyof ObjectKinds, ObjectClass> {
  const { apiextensions, apps, core, networking, policy, rbac } = loadPackage("@pulumi/kubernetes")!;
  return {
    ConfigMap: core.v1.ConfigMap,
    Deployment: apps.v1.Deployment,
    HTTPRoute: apiextensions.CustomResource,
    Ingress: networking.v1.Ingress,
    Namespace: core.v1.Namespace,
    NetworkPolicy: networking.v1.NetworkPolicy,
    PodDisruptionBudget: policy.v1.PodDisruptionBudget,
    Role: rbac.v1.Role,
    RoleBinding: rbac.v1.RoleBinding,
    ScaledObject: apiextensions.CustomResource,
    Secret: core.v1.Secret,
    Service: core.v1.Service,
    ServiceAccount: core.v1.ServiceAccount,
    StatefulSet: apps.v1.StatefulSet,
  };
}
