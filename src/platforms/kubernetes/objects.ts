/** Kubernetes objects as far as they are built here. All of Kubernetes' other fields may be added by a transform. */
import type * as pulumi from "@pulumi/pulumi";

import type { Transform } from "../platform";

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

export interface EnvironmentVariable {
  name: string;
  value?: pulumi.Input<string>;
  valueFrom?: { secretKeyRef: { name: pulumi.Input<string>; key: string } } | { fieldRef: { fieldPath: string } };
}

export interface PodSpec {
  containers: Container[];
  volumes: { name: string; [source: string]: unknown }[];
  [field: string]: unknown;
}

export interface PodTemplate {
  metadata: Pick<ObjectMeta, "labels" | "annotations">;
  spec: PodSpec;
}

interface Workload extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: { matchLabels: Record<string, string> };
    template: PodTemplate;
    [field: string]: unknown;
  };
}

export interface ConfigMap extends KubernetesObject {
  data: Record<string, pulumi.Input<string>>;
}
export type Deployment = Workload;
export interface HttpRoute extends KubernetesObject {
  spec: Record<string, unknown>;
}
export interface Ingress extends KubernetesObject {
  spec: Record<string, unknown>;
}
export type Namespace = KubernetesObject;
export interface NetworkPolicy extends KubernetesObject {
  spec: {
    podSelector: object;
    policyTypes: ("Ingress" | "Egress")[];
    ingress?: { from?: object[]; ports?: object[] }[];
    egress?: { to?: object[]; ports?: object[] }[];
  };
}
export interface PodDisruptionBudget extends KubernetesObject {
  spec: Record<string, unknown>;
}
export interface Role extends KubernetesObject {
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}
export interface RoleBinding extends KubernetesObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { kind: string; name: string; namespace: string }[];
}
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
export interface Secret extends KubernetesObject {
  type?: string;
  stringData: pulumi.Input<Record<string, pulumi.Input<string>>>;
}
export interface Service extends KubernetesObject {
  spec: {
    type?: string;
    clusterIP?: "None";
    selector: Record<string, string>;
    ports: { name: string; port: number; targetPort: string; appProtocol?: string }[];
    [field: string]: unknown;
  };
}
export interface ServiceAccount extends KubernetesObject {
  automountServiceAccountToken: boolean;
}
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
  clusterIdentifier: pulumi.Input<string>;
  [argument: string]: unknown;
}

/**
 * Changes objects before they are registered, by their kind. Labels tell which object it is: `app.kubernetes.io/name`,
 * `app.kubernetes.io/component`, `fullcode/function`.
 */
export type KubernetesTransforms = { readonly [Kind in keyof ObjectKinds]?: Transform<ObjectKinds[Kind]> } & {
  /** Changes the arguments of the region's provider. */
  readonly Provider?: Transform<ProviderArguments>;
};
