import {
  type V1Deployment,
  type V1DeploymentList,
  type V1Pod,
  type V1PodList,
  type V1Secret,
} from "@kubernetes/client-node";

import {
  ADMIN_SECRET,
  ADMIN_TOKEN_KEY,
  APP_LABEL,
  ENVIRONMENT_LABEL,
  FUNCTION_LABEL,
  GATEWAY_NAME,
  GATEWAY_PORTS,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  REGION_LABEL,
} from "../../spec";
import { CliError } from "../errors";
import { type ClusterAccess, type KubeconfigOptions, type PodForward } from "./clusterAccess";
import { type PodState, podState } from "./podState";

const IS_MANAGED = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

/** A region as its gateway's Deployment shows it. */
export interface DeployedRegion {
  namespace: string;
  app: string;
  environment: string;
  region: string;
  /** Labels of the gateway's pods. */
  selector: string;
  /** Gateways that are wanted. */
  replicas: number;
  /** What keeps pods from being created. */
  failure?: string;
}

/** The regions of a cluster and their pods. */
export class Cluster {
  private constructor(
    private readonly access: ClusterAccess,
    /** How kubectl is told of the same cluster. */
    readonly kubectl: string,
  ) {}

  /** @throws CliError when the kubeconfig does not say how to reach a cluster. */
  static async open(options: KubeconfigOptions): Promise<Cluster> {
    const { openCluster } = await import("./clusterAccess.js");
    const access = openCluster(options);
    const file = options.kubeconfig === undefined ? "" : ` --kubeconfig ${options.kubeconfig}`;
    return new Cluster(access, `kubectl${file} --context ${access.context}`);
  }

  /** Name of the kubeconfig's context. */
  get context(): string {
    return this.access.context;
  }

  /**
   * The regions of a namespace, or of all namespaces.
   *
   * @throws CliError when they cannot be listed, or when there are none.
   */
  async regions(namespace?: string): Promise<DeployedRegion[]> {
    const query = new URLSearchParams({
      labelSelector: [IS_MANAGED, APP_LABEL, ENVIRONMENT_LABEL, REGION_LABEL].join(","),
      fieldSelector: `metadata.name=${GATEWAY_NAME}`,
    });
    const list = await this.access.read<V1DeploymentList>(
      `/apis/apps/v1${namespace === undefined ? "" : `/namespaces/${namespace}`}/deployments?${query.toString()}`,
      { verb: "list", resource: "deployments.apps", namespace },
    );
    const regions = (list?.items ?? []).map(deployedRegion);
    if (regions.length > 0) return regions;
    throw new CliError(
      `Context "${this.context}" has no region ${namespace === undefined ? "in any namespace" : `in namespace "${namespace}"`}: ` +
        `there is no gateway that "pulumi up" has deployed for a kubernetes() region. Is it another context` +
        `${namespace === undefined ? "" : " or namespace"}?`,
    );
  }

  async gatewayPods({ namespace, selector }: DeployedRegion): Promise<PodState[]> {
    return (await this.pods(namespace, selector)).map(podState);
  }

  /** The pods of functions. */
  async functionPods({ namespace }: DeployedRegion): Promise<(PodState & { function: string })[]> {
    const pods = await this.pods(namespace, `${IS_MANAGED},${FUNCTION_LABEL}`);
    // a pod that has ended for good stays listed when another one has taken its place
    const living = pods.filter(({ status }) => status?.phase !== "Failed" && status?.phase !== "Succeeded");
    return living.map((pod) => ({ ...podState(pod), function: pod.metadata?.labels?.[FUNCTION_LABEL] ?? "" }));
  }

  /**
   * Token of the admin API of a region's gateways.
   *
   * @throws CliError when it cannot be read.
   */
  async adminToken({ namespace }: DeployedRegion): Promise<string> {
    const secret = await this.access.read<V1Secret>(`/api/v1/namespaces/${namespace}/secrets/${ADMIN_SECRET}`, {
      verb: "get",
      resource: "secrets",
      name: ADMIN_SECRET,
      namespace,
    });
    const token = secret?.data?.[ADMIN_TOKEN_KEY];
    if (token !== undefined) return Buffer.from(token, "base64").toString("utf8").trim();
    throw new CliError(
      `Namespace "${namespace}" of context "${this.context}" has no Secret "${ADMIN_SECRET}" with key ` +
        `"${ADMIN_TOKEN_KEY}": deploy the region again with "pulumi up".`,
    );
  }

  /** Makes the admin API of a gateway's pod reachable. */
  forwardAdmin({ namespace }: DeployedRegion, pod: string): Promise<PodForward> {
    return this.access.forward(namespace, pod, GATEWAY_PORTS.admin);
  }

  private async pods(namespace: string, labelSelector: string): Promise<V1Pod[]> {
    const query = new URLSearchParams({ labelSelector });
    const list = await this.access.read<V1PodList>(`/api/v1/namespaces/${namespace}/pods?${query.toString()}`, {
      verb: "list",
      resource: "pods",
      namespace,
    });
    return list?.items ?? [];
  }
}

function deployedRegion({ metadata, spec, status }: V1Deployment): DeployedRegion {
  const labels = metadata?.labels ?? {};
  const failed = status?.conditions?.find((each) => each.type === "ReplicaFailure" && each.status === "True");
  return {
    namespace: metadata?.namespace ?? "",
    app: labels[APP_LABEL],
    environment: labels[ENVIRONMENT_LABEL],
    region: labels[REGION_LABEL],
    selector: Object.entries(spec?.selector.matchLabels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    replicas: spec?.replicas ?? 1,
    failure: failed?.message,
  };
}
