import { DEFAULT_PLATFORM, dockerImageBuilder, type ImageBuilder } from "../../image";
import { GATEWAY_NAME, INSIDE_SERVICE_PORT, NATS_NAME, NATS_PORT } from "../../spec";
import type { RegionPlace } from "../platform";
import { withoutUndefined } from "../withoutUndefined";
import { isExternalNats } from "./checkNats";
import type { KubernetesArgs } from "./kubernetesArgs";
import type { NatsArgs, NatsCredentialsArgs } from "./natsArgs";
import type { NetworkPolicyArgs } from "./networkPolicyArgs";

/** Arguments that are used as they are. */
type Unchanged = Pick<
  KubernetesArgs,
  | "context"
  | "kubeconfig"
  | "registry"
  | "registryCredentials"
  | "pullCredentials"
  | "ingress"
  | "httpRoute"
  | "nodeImage"
  | "revision"
  | "scalingBehavior"
  | "nodeSelector"
  | "tolerations"
  | "affinity"
  | "priorityClassName"
  | "runtimeClassName"
>;

/** A region with everything settled that its arguments leave open. */
export interface RegionSettings extends Unchanged {
  app: string;
  place: RegionPlace;
  clusterIdentifier: string | undefined;
  imagePullSecrets: readonly string[];
  imageBuilder: ImageBuilder;
  platform: string;
  namespace: string;
  createNamespace: boolean;
  /** Address of the endpoints; without `isFinal`, that of a load balancer takes its place once it is known. */
  url: { text: string; isFinal: boolean };
  /** Address of the gateways for those inside the cluster. */
  insideUrl: string;
  trustedProxies: number;
  service: {
    type: string;
    port: number;
    externalTrafficPolicy?: string;
    annotations: Readonly<Record<string, string>>;
  };
  gateway: { replicas: number; image?: string; memory: number; cpu: number };
  nats: {
    /** Servers that the gateway connects to. */
    url: string;
    /** Copies of each message. */
    replicas: number;
    /** The region's own servers; absent where they exist. */
    own?: Required<Omit<NatsArgs, "storageClass" | "replicas">> & { storageClass?: string };
    credentials: NatsCredentialsArgs;
  };
  autoscaler: "keda" | "none";
  pollingInterval: number;
  networkPolicies:
    | (NetworkPolicyArgs & Required<Pick<NetworkPolicyArgs, "kedaNamespace" | "apiServerPorts" | "dnsPorts">>)
    | undefined;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  linkGeneration: number;
  transform: NonNullable<KubernetesArgs["transform"]>;
}

/** One for all regions: those that share images have to have the same. */
const DEFAULT_IMAGE_BUILDER = dockerImageBuilder();
const DEFAULT_GATEWAY = { replicas: 2, memory: 1024, cpu: 0.25 };
const DEFAULT_NATS = { image: "nats:2.12-alpine", storage: "10Gi", memory: 512 };
const DEFAULT_NETWORK_POLICIES = { kedaNamespace: "keda", apiServerPorts: [6443], dnsPorts: [53] };
const DEFAULT_POLLING_SECONDS = 5;
const DEFAULT_SERVICE_PORT = 80;

/** Name of the region's namespace. */
export function namespaceOf(args: KubernetesArgs, app: string, place: RegionPlace): string {
  return args.namespace ?? `${app}-${place.environment}`;
}

/**
 * Says which cluster the region is in. A kubeconfig that the program gives may come to be that of another cluster, under
 * the same names: the provider compares servers and their authorities then.
 */
function clusterOf(
  { clusterIdentifier, context, kubeconfig }: KubernetesArgs,
  { environment, region }: RegionPlace,
): string | undefined {
  if (clusterIdentifier !== undefined || kubeconfig !== undefined) return clusterIdentifier;
  return context ?? `${environment}.${region}`;
}

/** Fills in the defaults of arguments that have been checked. */
export function settle(args: KubernetesArgs, app: string, place: RegionPlace): RegionSettings {
  const namespace = namespaceOf(args, app, place);
  const service = {
    type: args.service?.type ?? "ClusterIP",
    port: args.service?.port ?? DEFAULT_SERVICE_PORT,
    externalTrafficPolicy:
      args.service?.externalTrafficPolicy ?? (args.service?.type === "LoadBalancer" ? "Local" : undefined),
    annotations: args.service?.annotations ?? {},
  };
  const insideUrl = httpUrl(`${GATEWAY_NAME}.${namespace}.svc`, INSIDE_SERVICE_PORT);
  const isPublished = args.ingress !== undefined || args.httpRoute !== undefined;
  return {
    ...args,
    app,
    place,
    clusterIdentifier: clusterOf(args, place),
    imagePullSecrets: args.imagePullSecrets ?? [],
    imageBuilder: args.imageBuilder ?? DEFAULT_IMAGE_BUILDER,
    platform: args.platform ?? DEFAULT_PLATFORM,
    namespace,
    createNamespace: args.createNamespace ?? true,
    url: urlOf(args, insideUrl, service),
    insideUrl,
    trustedProxies: args.trustedProxies ?? (isPublished ? 1 : 0),
    service,
    gateway: { ...DEFAULT_GATEWAY, ...withoutUndefined(args.gateway ?? {}) },
    nats: settleNats(args.nats, namespace),
    autoscaler: args.autoscaler ?? "keda",
    pollingInterval: args.pollingInterval ?? DEFAULT_POLLING_SECONDS,
    networkPolicies:
      args.networkPolicies === false
        ? undefined
        : { ...DEFAULT_NETWORK_POLICIES, ...withoutUndefined(args.networkPolicies ?? {}) },
    labels: args.labels ?? {},
    annotations: args.annotations ?? {},
    linkGeneration: args.linkGeneration ?? 1,
    transform: args.transform ?? {},
  };
}

function urlOf(
  { url, ingress, httpRoute }: KubernetesArgs,
  insideUrl: string,
  { type }: RegionSettings["service"],
): RegionSettings["url"] {
  if (url !== undefined) return { text: url, isFinal: true };
  if (ingress !== undefined)
    return { text: `${ingress.tlsSecret === undefined ? "http" : "https"}://${ingress.host}`, isFinal: true };
  if (httpRoute !== undefined) return { text: `https://${httpRoute.host}`, isFinal: true };
  return { text: insideUrl, isFinal: type !== "LoadBalancer" };
}

/** Address of a host at a port, which is left out where it is the usual one. */
export function httpUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}${port === DEFAULT_SERVICE_PORT ? "" : `:${port}`}`;
}

function settleNats(nats: KubernetesArgs["nats"], namespace: string): RegionSettings["nats"] {
  if (isExternalNats(nats)) {
    const url = nats.url.split(",").map((server) => server.trim());
    return { url: url.join(","), replicas: nats.replicas ?? 1, credentials: nats.credentials ?? {} };
  }
  const { replicas = 1, ...own } = { ...DEFAULT_NATS, ...withoutUndefined(nats ?? {}) };
  return { url: `nats://${NATS_NAME}.${namespace}.svc:${NATS_PORT}`, replicas, own, credentials: {} };
}
