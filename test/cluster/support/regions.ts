import { join } from "node:path";

import { Kubectl, type KubernetesObject } from "./kubectl";
import { runCommand } from "./command";
import { STATE_FOLDER } from "./machine";
import { pollUntil } from "./pollUntil";

/** The regions that the suites have, and the index that picks each one's addresses. */
export const REGIONS = { eu: 1, us: 2 } as const;
export type RegionName = keyof typeof REGIONS;

/** A pod, as far as tests read it. */
export interface Pod extends KubernetesObject {
  spec: { containers: { name: string; image: string }[] };
  status: {
    phase: string;
    podIP?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { name: string; containerID?: string; restartCount: number; ready: boolean }[];
  };
}

/** One region: its API server, and what runs on its node. */
export class TestRegion {
  /** Its context in {@link KUBECONFIG} has the same name. */
  readonly kubeconfig: string;
  private readonly kubectl: Kubectl;

  constructor(readonly name: RegionName) {
    this.kubeconfig = join(STATE_FOLDER, name, "kubeconfig");
    this.kubectl = new Kubectl(this.kubeconfig);
  }

  run(...args: string[]): Promise<string> {
    return this.kubectl.run(args);
  }

  /** @throws Error from the API server, with its reasons. */
  apply(objects: object[], ...options: string[]): Promise<string> {
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    return this.kubectl.run(["apply", "--server-side", ...options, "--filename", "-"], { input });
  }

  get<T extends KubernetesObject = KubernetesObject>(namespace: string, kind: string, name: string): Promise<T> {
    return this.kubectl.json<T>(["get", "--namespace", namespace, kind, name]);
  }

  async list<T extends KubernetesObject = KubernetesObject>(
    namespace: string,
    kind: string,
    selector = "",
  ): Promise<T[]> {
    const where = ["--namespace", namespace, "--selector", selector];
    return (await this.kubectl.json<{ items: T[] }>(["get", kind, ...where])).items;
  }

  /** Pods that are not on their way out. */
  async pods(namespace: string, selector = ""): Promise<Pod[]> {
    return (await this.list<Pod>(namespace, "pods", selector)).filter((pod) => !pod.metadata.deletionTimestamp);
  }

  /** Waits until there are this many ready pods, and no others, and returns them. */
  async untilPods(namespace: string, selector: string, count: number, timeoutMs?: number): Promise<Pod[]> {
    let pods: Pod[] = [];
    await pollUntil(
      `${count} ready pods of ${selector} in ${this.name}`,
      async () => (pods = await this.list<Pod>(namespace, "pods", selector)).length === count && pods.every(isReady),
      timeoutMs,
    );
    return pods;
  }

  /** Address and port of a Service, reachable from here. */
  async serviceUrl(namespace: string, name: string): Promise<string> {
    const { spec } = await this.get<Service>(namespace, "service", name);
    return `http://${spec.clusterIP}:${spec.ports[0].port}`;
  }

  logs(namespace: string, pod: string, ...options: string[]): Promise<string> {
    return this.run("logs", "--namespace", namespace, pod, ...options);
  }

  /** Asks the API server to evict a pod, as draining a node does. @throws Error when a disruption budget forbids it. */
  async evict(namespace: string, pod: string): Promise<void> {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace } };
    const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
    await this.kubectl.run(["create", "--raw", path, "--filename", "-"], { input: JSON.stringify(eviction) });
  }

  /** Sends a container's first process a signal that it can't answer. */
  async kill(pod: Pod, container = pod.spec.containers[0].name): Promise<void> {
    const status = pod.status.containerStatuses?.find(({ name }) => name === container);
    const id = status?.containerID?.replace("containerd://", "");
    const socket = join(STATE_FOLDER, this.name, "containerd.sock");
    const tasks = await runCommand("ctr", ["--address", socket, "--namespace", "k8s.io", "tasks", "list"]);
    const [, pid] =
      tasks
        .split("\n")
        .map((line) => line.split(/\s+/))
        .find(([task]) => task === id) ?? [];
    if (pid === undefined) throw new Error(`${pod.metadata.name} has no running container ${container}`);
    process.kill(Number(pid), "SIGKILL");
  }
}

interface Service extends KubernetesObject {
  spec: { clusterIP: string; ports: { port: number }[] };
}

/** Paths for $KUBECONFIG: every region is a context of its name. */
export const KUBECONFIG = Object.keys(REGIONS)
  .map((name) => join(STATE_FOLDER, name, "kubeconfig"))
  .join(":");

export function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  return metadata.deletionTimestamp === undefined && ready?.status === "True";
}
