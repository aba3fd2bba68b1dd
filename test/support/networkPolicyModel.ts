/** Says what NetworkPolicies allow, as networking.k8s.io/v1 defines it: for clusters whose network enforces none. */

export interface NetworkPolicy {
  spec: {
    podSelector: LabelSelector;
    policyTypes: string[];
    ingress?: { from?: Peer[]; ports?: Port[] }[];
    egress?: { to?: Peer[]; ports?: Port[] }[];
  };
}
interface LabelSelector {
  matchLabels?: Record<string, string>;
}
interface Peer {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: string[] };
}
interface Port {
  port: number;
  protocol: string;
}

/** One end of a connection: a pod of the policies' namespace or of another one, or an address outside of the cluster. */
export type End = { labels: Record<string, string>; namespace?: string } | { address: string };

/** Whether a connection is allowed on both of its ends. */
export function allows(policies: NetworkPolicy[], from: End, to: End, port: number, protocol = "TCP"): boolean {
  return isOpen("Egress", policies, from, to, port, protocol) && isOpen("Ingress", policies, to, from, port, protocol);
}

/** Policies of a pod close what none of them opens; a pod without policies of a direction is open. */
function isOpen(
  direction: "Ingress" | "Egress",
  policies: NetworkPolicy[],
  subject: End,
  other: End,
  port: number,
  protocol: string,
): boolean {
  if ("address" in subject || subject.namespace !== undefined) return true;
  const own = policies.filter(
    ({ spec }) => spec.policyTypes.includes(direction) && selects(spec.podSelector, subject.labels),
  );
  if (own.length === 0) return true;
  return own.some(({ spec }) => {
    const rules =
      direction === "Ingress"
        ? spec.ingress?.map(({ from, ports }) => ({ peers: from, ports }))
        : spec.egress?.map(({ to, ports }) => ({ peers: to, ports }));
    return (rules ?? []).some(
      ({ peers, ports }) =>
        (peers === undefined || peers.some((peer) => matches(peer, other))) &&
        (ports === undefined || ports.some((each) => each.port === port && each.protocol === protocol)),
    );
  });
}

function matches({ podSelector, namespaceSelector, ipBlock }: Peer, end: End): boolean {
  if ("address" in end)
    return ipBlock !== undefined && contains(ipBlock.cidr, end.address) && !isExcepted(ipBlock.except, end.address);
  if (ipBlock !== undefined) return false;
  const isNamespace =
    namespaceSelector === undefined
      ? end.namespace === undefined
      : selects(namespaceSelector, { "kubernetes.io/metadata.name": end.namespace ?? "" });
  return isNamespace && (podSelector === undefined || selects(podSelector, end.labels));
}

function selects({ matchLabels = {} }: LabelSelector, labels: Record<string, string>): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}

function isExcepted(except: string[] | undefined, address: string): boolean {
  return (except ?? []).some((cidr) => contains(cidr, address));
}

/** For addresses of version 4; ranges of the other version have none of them. */
function contains(cidr: string, address: string): boolean {
  const [base, bits] = cidr.split("/");
  if (base.includes(":")) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(base) / size) === Math.floor(numberOf(address) / size);
}

function numberOf(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}
