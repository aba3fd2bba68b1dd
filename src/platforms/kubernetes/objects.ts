/**
 * Objects of Kubernetes, as far as `kubernetes()` regions make them. A transform may add all fields that Kubernetes has.
 *
 * @module
 */
import type * as pulumi from "@pulumi/pulumi";

import type { Transform } from "../platform";

/** Metadata of an object. */
export interface ObjectMeta {
  /** Fixed; without one, the provider makes it from the resource's name. */
  name?: string;
  namespace?: string;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

/** What all objects have. */
export interface KubernetesObject {
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** A container of a pod. */
export interface Container {
  name: string;
  image: pulumi.Input<string>;
  command?: string[];
  args?: string[];
  env?: EnvironmentVariable[];
  envFrom?: { secretRef: { name: pulumi.Input<string> } }[];
  ports?: { name: string; containerPort: number }[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  [field: string]: unknown;
}

/** An environment variable of a container. */
export interface EnvironmentVariable {
  name: string;
  value?: pulumi.Input<string>;
  valueFrom?: { secretKeyRef: { name: pulumi.Input<string>; key: string } } | { fieldRef: { fieldPath: string } };
}

/** What a pod is. */
export interface PodSpec {
  containers: Container[];
  volumes: { name: string; [source: string]: unknown }[];
  [field: string]: unknown;
}

/** What pods of a workload are made from. */
export interface PodTemplate {
  metadata: Pick<ObjectMeta, "labels" | "annotations">;
  spec: PodSpec;
}

/** What runs pods: `Deployment` and `StatefulSet`. */
export interface Workload extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: { matchLabels: Record<string, string> };
    template: PodTemplate;
    [field: string]: unknown;
  };
}

/** `v1`: a document of the region, a function or a trigger. */
export interface ConfigMap extends KubernetesObject {
  data: Record<string, pulumi.Input<string>>;
}
/** `apps/v1`: the gateways, or a function. */
export type Deployment = Workload;
/** `gateway.networking.k8s.io/v1`: how endpoints are published. */
export interface HttpRoute extends KubernetesObject {
  spec: Record<string, unknown>;
}
/** `networking.k8s.io/v1`: how endpoints are published. */
export interface Ingress extends KubernetesObject {
  spec: Record<string, unknown>;
}
/** `v1`: the region's namespace. */
export type Namespace = KubernetesObject;
/** `networking.k8s.io/v1`: what may connect to what. */
export interface NetworkPolicy extends KubernetesObject {
  spec: {
    podSelector: object;
    policyTypes: ("Ingress" | "Egress")[];
    ingress?: { from?: object[]; ports?: object[] }[];
    egress?: { to?: object[]; ports?: object[] }[];
  };
}
/** `policy/v1`: how many gateways or NATS servers a drained node may end at once. */
export interface PodDisruptionBudget extends KubernetesObject {
  spec: Record<string, unknown>;
}
/** `rbac.authorization.k8s.io/v1`: what gateways read. */
export interface Role extends KubernetesObject {
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}
/** `rbac.authorization.k8s.io/v1`: who reads it. */
export interface RoleBinding extends KubernetesObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { kind: string; name: string; namespace: string }[];
}
/** `keda.sh/v1alpha1`: how a function is scaled. */
export interface ScaledObject extends KubernetesObject {
  spec: {
    minReplicaCount: number;
    maxReplicaCount: number;
    cooldownPeriod: number;
    pollingInterval: number;
    triggers: { type: string; metadata: Record<string, string> }[];
    [field: string]: unknown;
  };
}
/** `v1`: parameters, variables, tokens, passwords. */
export interface Secret extends KubernetesObject {
  type?: string;
  stringData: pulumi.Input<Record<string, pulumi.Input<string>>>;
}
/** `v1`: how pods are found. */
export interface Service extends KubernetesObject {
  spec: {
    type?: string;
    clusterIP?: "None";
    selector: Record<string, string>;
    ports: { name: string; port: number; targetPort: string; appProtocol?: string }[];
    [field: string]: unknown;
  };
}
/** `v1`: as whom gateways read. */
export interface ServiceAccount extends KubernetesObject {
  automountServiceAccountToken: boolean;
}
/** `apps/v1`: the NATS servers. */
export interface StatefulSet extends Workload {
  spec: Workload["spec"] & { serviceName: string; volumeClaimTemplates: object[] };
}

/** Every kind of object that a region has. */
export interface ObjectKinds {
  ConfigMap: ConfigMap;
  Deployment: Deployment;
  HTTPRoute: HttpRoute;
  Ingress: Ingress;
  Namespace: Namespace;
  NetworkPolicy: NetworkPolicy;
  PodDisruptionBudget: PodDisruptionBudget;
  Role: Role;
  RoleBinding: RoleBinding;
  ScaledObject: ScaledObject;
  Secret: Secret;
  Service: Service;
  ServiceAccount: ServiceAccount;
  StatefulSet: StatefulSet;
}

/** Arguments of a region's provider (`pulumi:providers:kubernetes`), with those that the region sets. */
export interface ProviderArguments {
  clusterIdentifier?: pulumi.Input<string>;
  [argument: string]: unknown;
}

/**
 * Changes objects before they are registered, by their kind. Labels tell which object it is: `app.kubernetes.io/name`,
 * `app.kubernetes.io/component`, `fullcode/function`.
 */
export type Transforms = { readonly [Kind in keyof ObjectKinds]?: Transform<ObjectKinds[Kind]> } & {
  /** Changes the arguments of the region's provider. */
  readonly Provider?: Transform<ProviderArguments>;
};
