import type { Container, EnvironmentVariable, PodSpec } from "./objects";

/** User and group of everything that runs: `node` in images of Node.js. */
const USER_ID = 1000;
/** Room for temporary files; a pod that takes more is evicted. */
const TEMPORARY_SPACE = "512Mi";
/** Files of Secrets: readable by the group that the pod's volumes belong to. */
export const SECRET_FILE_MODE = 0o440;

/** What a pod of the platform is made from. */
export interface PodArgs {
  container: Container;
  volumes?: PodSpec["volumes"];
  /** Without one, the pod has no credentials of the cluster. */
  serviceAccountName?: string;
  gracePeriodSeconds: number;
  [field: string]: unknown;
}

/** A pod that keeps to the pod security level `restricted`, with a read-only root and room in /tmp. */
export function podSpec({
  container,
  volumes = [],
  serviceAccountName,
  gracePeriodSeconds,
  ...fields
}: PodArgs): PodSpec {
  return {
    ...(serviceAccountName !== undefined && { serviceAccountName }),
    automountServiceAccountToken: serviceAccountName !== undefined,
    // hundreds of Services would be thousands of variables
    enableServiceLinks: false,
    // the kernel drops a SIGTERM to a namespace's first process that does not take it yet: a pod that is ended while it
    // starts would stay until its grace period is over, and take work
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: gracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      fsGroup: USER_ID,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        ...container,
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          readOnlyRootFilesystem: true,
        },
        volumeMounts: [...container.volumeMounts, { name: "tmp", mountPath: "/tmp" }],
      },
    ],
    volumes: [...volumes, { name: "tmp", emptyDir: { sizeLimit: TEMPORARY_SPACE } }],
    ...fields,
  };
}

/** A variable whose value Kubernetes takes as it is, whatever looks like a reference to another one. */
export function literal(name: string, value: string): EnvironmentVariable {
  return { name, value: value.replaceAll("$", "$$$$") };
}

/** A variable with a field of the pod: `metadata.name`, `status.podIP`. */
export function fieldOfPod(name: string, fieldPath: string): EnvironmentVariable {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** An HTTP probe of a container's named port. */
export function httpProbe(path: string, port: string, settings: Record<string, number>) {
  return { httpGet: { path, port }, ...settings };
}

/** Puts pods on different nodes and into different zones, as far as there is room. */
export function spreadOver(matchLabels: Record<string, string>) {
  return ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels },
  }));
}

/** Keeps replicas off a node that has one of them already, unless there is no other. */
export function preferOtherNodes(matchLabels: Record<string, string>) {
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 100, podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels } } },
      ],
    },
  };
}
