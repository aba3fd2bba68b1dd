import { kubernetes } from "../../../src";
import { removeCodeFolders } from "../../support/codeFolder";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../../support/declareCluster";
import { declareShop, EU, US } from "./shop";

/** The parts of a pod that the pod security level `restricted` is about. */
interface PodSpec {
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  automountServiceAccountToken?: boolean;
  serviceAccountName?: string;
  enableServiceLinks?: boolean;
  shareProcessNamespace?: boolean;
  securityContext: Record<string, unknown>;
  volumes: Record<string, unknown>[];
  initContainers?: unknown[];
  containers: {
    securityContext: Record<string, unknown>;
    ports?: { hostPort?: number }[];
    resources: { requests: Record<string, string>; limits: Record<string, string> };
    volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  }[];
}

/** Kinds of volumes that the level allows (kubernetes.io/docs/concepts/security/pod-security-standards). */
const VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

inProjectFolder();
let cluster: DeclaredCluster;
beforeAll(async () => {
  const regions = { eu: kubernetes({ ...EU, runtimeClassName: "gvisor" }), us: kubernetes(US) };
  cluster = await declareCluster(() => declareShop(regions));
});
afterAll(removeCodeFolders);

function pods(): { name: string; spec: PodSpec }[] {
  return cluster.objects
    .filter(({ object }) => object.kind === "Deployment" || object.kind === "StatefulSet")
    .map(({ resource, object }) => {
      const { template } = object.spec as { template: { spec: PodSpec } };
      return { name: resource.name, spec: template.spec };
    });
}

test("there is a pod for each program of both regions", () => {
  expect(pods().map(({ name }) => name)).toEqual([
    "production.eu.gateway",
    "production.us.gateway",
    "production.eu.nats",
    "production.us.nats",
    "convert.production.eu",
    "convert.production.us",
    "orders.production.eu",
    "orders.production.us",
  ]);
});

test("each namespace enforces the level", () => {
  for (const region of ["eu", "us"])
    expect(cluster.object("Namespace", `production.${region}`).metadata).toMatchObject({
      name: "shop-production",
      labels: {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
      },
    });
});

test("no pod shares anything of its node, and each runs as a user without rights", () => {
  for (const { name, spec } of pods()) {
    expect([name, spec.hostNetwork, spec.hostPID, spec.hostIPC, spec.initContainers]).toEqual([
      name,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([name, spec.securityContext]).toEqual([
      name,
      {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
    ]);
    for (const { securityContext, ports } of spec.containers) {
      expect([name, securityContext]).toEqual([
        name,
        { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true },
      ]);
      for (const { hostPort } of ports ?? []) expect([name, hostPort]).toEqual([name, undefined]);
    }
  }
});

test("volumes are of the kinds that are allowed; what can be written to has a limit", () => {
  for (const { name, spec } of pods()) {
    for (const { name: volume, ...source } of spec.volumes) {
      const [kind, ...others] = Object.keys(source);
      expect(VOLUMES).toContain(kind);
      expect(others).toEqual([]);
      const { sizeLimit } = source[kind] as { sizeLimit?: string };
      expect([name, volume, sizeLimit]).toEqual([name, volume, kind === "emptyDir" ? expect.any(String) : undefined]);
    }
    const [{ volumeMounts }] = spec.containers;
    expect(volumeMounts).toContainEqual({ name: "tmp", mountPath: "/tmp" });
    const secrets = volumeMounts.filter(({ name: volume }) => volume === "secrets" || volume === "config");
    for (const mount of secrets) expect([name, mount.readOnly]).toEqual([name, true]);
  }
});

test("gateways alone have credentials of the cluster", () => {
  const withToken = pods().filter(({ spec }) => spec.automountServiceAccountToken !== false);
  expect(withToken.map(({ name, spec }) => [name, spec.serviceAccountName])).toEqual([
    ["production.eu.gateway", "gateway"],
    ["production.us.gateway", "gateway"],
  ]);
  for (const { name, spec } of pods()) expect([name, spec.enableServiceLinks]).toEqual([name, false]);
});

test("no container is the first process of its namespace, which SIGTERM would not end while it starts", () => {
  for (const { name, spec } of pods()) expect([name, spec.shareProcessNamespace]).toEqual([name, true]);
});

test("memory is limited everywhere, CPU nowhere", () => {
  for (const { name, spec } of pods())
    for (const { resources } of spec.containers) {
      expect([name, Object.keys(resources.limits)]).toEqual([name, ["memory"]]);
      expect([name, Object.keys(resources.requests)]).toEqual([name, ["cpu", "memory"]]);
    }
});

test("a sandbox is for functions only", () => {
  const sandboxed = pods().filter(({ spec }) => "runtimeClassName" in spec);
  expect(sandboxed.map(({ name }) => name)).toEqual(["convert.production.eu", "orders.production.eu"]);
});
