import { type Deployment } from "../../gateway/deploymentHistory";
import { type FunctionStatus, type GatewayStatus } from "../../gateway/gatewayOptions";
import { ADMIN_SECRET, GATEWAY_NAME } from "../../spec";
import { AdminClient, RefusalError } from "../admin/adminClient";
import { type Cluster, type DeployedRegion } from "../cluster/cluster";
import { type PodForward } from "../cluster/clusterAccess";
import { type PodState } from "../cluster/podState";
import { CliError, isExpected } from "../errors";
import { warn } from "../output/warning";
import { settle } from "../settle";
import { ClusterLogs } from "./clusterLogs";
import { type DeployedFunction, type LogQuery, type RegionAccess } from "./regionAccess";

const UNAUTHORIZED = 401;
const MAX_REASON_CHARACTERS = 300;

/** A region in a cluster: its gateways are pods, which are reached through the API server. */
export class ClusterRegionAccess implements RegionAccess {
  private readonly forwards = new Map<string, Promise<PodForward>>();
  private token: Promise<string> | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly deployed: DeployedRegion,
    readonly label: string,
  ) {}

  /** All know the same, so the first that answers will do. */
  async gateway(): Promise<AdminClient> {
    let problem: Error | undefined;
    for (const pod of await this.readyPods()) {
      try {
        return await this.reach(pod);
      } catch (error) {
        if (!isExpected(error)) throw error;
        problem ??= error;
      }
    }
    throw problem!;
  }

  async builds(): Promise<Deployment[]> {
    return (await this.gateway()).get("/deployments");
  }

  async deployments(): Promise<DeployedFunction[]> {
    const gateways = await settle((await this.readyPods()).map((pod) => this.reach(pod)));
    const [first] = gateways.values;
    if (first === undefined) throw gateways.errors[0];
    const [statuses, history, pods] = await Promise.all([
      Promise.all(gateways.values.map((gateway) => gateway.get<GatewayStatus>("/status"))),
      historyOf(first),
      this.cluster.functionPods(this.deployed),
    ]);
    const functions = new Map<string, FunctionStatus[]>();
    for (const status of statuses)
      for (const each of status.functions) functions.set(each.name, [...(functions.get(each.name) ?? []), each]);
    return [...functions].map(([name, seen]) => {
      const [{ version }] = seen;
      const built = history.findLast((each) => each.function === name && each.version === version);
      const own = pods.filter((pod) => pod.function === name);
      return { function: name, version, deployedAt: built?.time, state: stateOf(seen, own) };
    });
  }

  logs(query: LogQuery): Promise<ClusterLogs> {
    return ClusterLogs.open(this, query);
  }

  close(): void {
    this.keepForwards([]);
  }

  async pods(): Promise<PodState[]> {
    const pods = await this.cluster.gatewayPods(this.deployed);
    this.keepForwards(pods);
    return pods;
  }

  /**
   * The admin API of one gateway.
   *
   * @throws CliError when it does not answer, or does not take the token.
   */
  async reach({ name, uid }: PodState): Promise<AdminClient> {
    const token = await this.adminToken();
    const opening = this.forwards.get(uid) ?? this.cluster.forwardAdmin(this.deployed, name);
    this.forwards.set(uid, opening);
    const forward = await opening;
    const client = new AdminClient(this.label, {
      adminUrl: `http://127.0.0.1:${forward.port}`,
      token,
      problem: () => forward.problem,
    });
    try {
      await client.reach();
      return client;
    } catch (error) {
      if (!(error instanceof RefusalError) || error.status !== UNAUTHORIZED) throw error;
      this.token = undefined;
      throw this.tokenRefused(name);
    }
  }

  /** @param pods - The gateway's pods, none of which is of use. */
  noGateway(pods: readonly PodState[]): CliError {
    const { namespace } = this.deployed;
    return new CliError(
      `Region ${this.label} has no ready gateway in namespace "${namespace}" of context "${this.cluster.context}": ` +
        this.reasons(pods),
    );
  }

  /** Read once; a Secret that could not be read, or had another token, may be right the next time. */
  private async adminToken(): Promise<string> {
    this.token ??= this.cluster.adminToken(this.deployed);
    try {
      return await this.token;
    } catch (error) {
      this.token = undefined;
      throw error;
    }
  }

  /** Closes the ways to all other pods. */
  private keepForwards(pods: readonly PodState[]): void {
    for (const [uid, forward] of this.forwards) {
      if (pods.some((pod) => pod.uid === uid)) continue;
      this.forwards.delete(uid);
      void forward.then((each) => each.close());
    }
  }

  private reasons(pods: readonly PodState[]): string {
    const { replicas, failure } = this.deployed;
    const deployment = `deployment/${GATEWAY_NAME}`;
    if (pods.length === 0 && replicas === 0)
      return `it is scaled to zero. Start it: ${this.kubectl(`scale ${deployment} --replicas 2`)}`;
    if (pods.length === 0) return `${failure ?? "it has no pods"}. More: ${this.kubectl(`describe ${deployment}`)}`;
    const names = new Map<string, string[]>();
    for (const { name, reason } of pods) names.set(reason, [...(names.get(reason) ?? []), name]);
    const list = [...names].map(([reason, its]) => `${its.join(", ")}: ${brief(reason)}`);
    const more = pods.some(({ ran }) => ran) ? `logs ${deployment}` : "get events";
    return `${list.join("; ")}. More: ${this.kubectl(more)}`;
  }

  private async readyPods(): Promise<PodState[]> {
    const pods = await this.pods();
    const ready = pods.filter((pod) => pod.ready);
    if (ready.length === 0) throw this.noGateway(pods);
    return ready;
  }

  private tokenRefused(pod: string): CliError {
    return new CliError(
      `Region ${this.label}: gateway ${pod} does not take the token of Secret "${ADMIN_SECRET}" in namespace ` +
        `"${this.deployed.namespace}", so it has been started with another one. Restart the gateways: ` +
        this.kubectl(`rollout restart deployment/${GATEWAY_NAME}`),
    );
  }

  private kubectl(command: string): string {
    return `"${this.cluster.kubectl} -n ${this.deployed.namespace} ${command}".`;
  }
}

/** What runs is known without it. */
async function historyOf(gateway: AdminClient): Promise<Deployment[]> {
  try {
    return await gateway.get("/deployments");
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    warn(`${error.message}. So it is not known when functions were deployed.`);
    return [];
  }
}

function brief(reason: string): string {
  return reason.slice(0, MAX_REASON_CHARACTERS).replace(/\.$/, "");
}

/** Every instance is linked to every gateway, so the gateway that sees most sees all; what is not linked yet, its pod shows. */
function stateOf(seen: readonly FunctionStatus[], pods: readonly PodState[]): DeployedFunction["state"] {
  const stuck = pods.find((pod) => pod.stuck);
  return {
    instances: Math.max(...seen.map(({ instances }) => instances)),
    starting: pods.filter((pod) => !pod.ready && !pod.terminating && !pod.stuck).length,
    failure:
      seen.find(({ failure }) => failure !== undefined)?.failure ?? (stuck && `pod ${stuck.name}: ${stuck.reason}`),
  };
}
