import type { KubernetesObject } from "./kubectl";
import type { Pod } from "./regions";

/** What NetworkPolicies are judged by. */
export interface PolicyObjects {
  policies: readonly NetworkPolicy[];
  pods: readonly Pod[];
  namespaces: readonly KubernetesObject[];
}

export interface NetworkPolicy extends KubernetesObject {
  metadata: KubernetesObject["metadata"] & { namespace: string };
  spec: {
    podSelector: Selector;
    policyTypes: ("Ingress" | "Egress")[];
    ingress?: { from?: Peer[]; ports?: Port[] }[];
    egress?: { to?: Peer[]; ports?: Port[] }[];
  };
}

interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}
interface Peer {
  podSelector?: Selector;
  namespaceSelector?: Selector;
  ipBlock?: { cidr: string; except?: string[] };
}
interface Port {
  protocol?: "TCP" | "UDP" | "SCTP";
  port?: number | string;
  endPort?: number;
}
type Direction = "Ingress" | "Egress";

const TABLE = "ip test_policies";

/**
 * What NetworkPolicies say, as rules of nftables: connections of a selected pod that no rule allows are dropped. A pod's node
 * reaches it always, and so does the machine that tests run on.
 *
 * @param exempt - Address of that machine.
 * @throws Error for what the policies of the tests have not had so far: names of ports, other operators, IPv6.
 */
export function rulesOf(objects: PolicyObjects, exempt: string): string {
  const chains: string[] = [];
  const jumps: Record<Direction, string[]> = { Ingress: [], Egress: [] };
  for (const pod of objects.pods.filter(hasAddress))
    for (const direction of ["Ingress", "Egress"] as const) {
      const policies = objects.policies.filter((policy) => selects(policy, pod, direction));
      if (policies.length === 0) continue;
      const chain = `${direction.toLowerCase()}_${chains.length}`;
      const allowed = policies.flatMap((policy) => allowedBy(policy, direction, objects));
      chains.push(`  chain ${chain} {\n${[...allowed.map((rule) => `${rule} return`), "drop"].join("\n")}\n  }`);
      jumps[direction].push(`${pod.status.podIP} : jump ${chain}`);
    }
  const start = (hook: string) =>
    `type filter hook ${hook} priority -1; policy accept;\nct state established,related accept\nip saddr ${exempt} accept`;
  const map = (field: string, entries: string[]) =>
    entries.length > 0 ? `ip ${field} vmap { ${entries.join(", ")} }` : "";
  return [
    `table ${TABLE}\ndelete table ${TABLE}\ntable ${TABLE} {`,
    ...chains,
    `  chain forward {\n${start("forward")}\n${map("saddr", jumps.Egress)}\n${map("daddr", jumps.Ingress)}\n  }`,
    // to the node itself, which is where the API server is
    `  chain input {\n${start("input")}\n${map("saddr", jumps.Egress)}\n  }`,
    "}\n",
  ].join("\n");
}

/** Takes the rules away. */
export const NO_RULES = `table ${TABLE}\ndelete table ${TABLE}\n`;

function hasAddress({ status }: Pod): boolean {
  return status.podIP !== undefined && status.phase !== "Succeeded" && status.phase !== "Failed";
}

function selects({ metadata, spec }: NetworkPolicy, pod: Pod, direction: Direction): boolean {
  const isSelected = metadata.namespace === pod.metadata.namespace && matches(spec.podSelector, pod);
  return isSelected && spec.policyTypes.includes(direction);
}

/** Matches of nftables, one for each that a policy allows. */
function allowedBy({ metadata, spec }: NetworkPolicy, direction: Direction, objects: PolicyObjects): string[] {
  const rules =
    direction === "Ingress"
      ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  const field = direction === "Ingress" ? "saddr" : "daddr";
  return rules.flatMap(({ peers, ports }) => {
    const places = peers?.length ? peers.flatMap((peer) => placeOf(peer, field, metadata.namespace, objects)) : [""];
    const targets = ports?.length ? ports.map(portOf) : [""];
    return places.flatMap((place) => targets.map((target) => `${place} ${target}`));
  });
}

function placeOf({ ipBlock, ...selectors }: Peer, field: string, namespace: string, objects: PolicyObjects): string[] {
  if (ipBlock !== undefined) {
    if (ipBlock.cidr.includes(":")) return [];
    const except = ipBlock.except?.length ? ` ip ${field} != { ${ipBlock.except.join(", ")} }` : "";
    return [`ip ${field} ${ipBlock.cidr}${except}`];
  }
  const { namespaceSelector, podSelector = {} } = selectors;
  const isIn = (pod: Pod) => {
    if (namespaceSelector === undefined) return pod.metadata.namespace === namespace;
    const place = objects.namespaces.find(({ metadata }) => metadata.name === pod.metadata.namespace);
    return place !== undefined && matches(namespaceSelector, place);
  };
  const pods = objects.pods.filter((pod) => hasAddress(pod) && isIn(pod) && matches(podSelector, pod));
  return pods.length === 0 ? [] : [`ip ${field} { ${pods.map(({ status }) => status.podIP).join(", ")} }`];
}

function portOf({ protocol = "TCP", port, endPort }: Port): string {
  if (typeof port === "string") throw new Error(`the port "${port}" is a name`);
  if (port === undefined) return `meta l4proto ${protocol.toLowerCase()}`;
  return `${protocol.toLowerCase()} dport ${endPort === undefined ? port : `${port}-${endPort}`}`;
}

function matches({ matchLabels = {}, matchExpressions = [] }: Selector, { metadata }: KubernetesObject): boolean {
  const labels = metadata.labels ?? {};
  const hasLabels = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return hasLabels && matchExpressions.every((expression) => matchesExpression(expression, labels));
}

function matchesExpression(
  { key, operator, values = [] }: NonNullable<Selector["matchExpressions"]>[number],
  labels: Record<string, string>,
): boolean {
  if (operator === "In") return key in labels && values.includes(labels[key]);
  if (operator === "NotIn") return !values.includes(labels[key]);
  if (operator === "Exists") return key in labels;
  if (operator === "DoesNotExist") return !(key in labels);
  throw new Error(`the operator "${operator}" is not known`);
}
