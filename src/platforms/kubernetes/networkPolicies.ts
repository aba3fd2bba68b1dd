import type * as pulumi from "@pulumi/pulumi";

import {
  FUNCTION_LABEL,
  GATEWAY_NAME,
  GATEWAY_PORTS,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NATS_NAME,
  NATS_PORT,
  type RegionDocument,
} from "../../spec";
import type { EgressRule } from "../egress";
import { functionSelector } from "./functionDeployment";
import { selectorOf } from "./labels";
import { NATS_CLUSTER_PORT } from "./natsConfig";
import type { NetworkPolicy } from "./objects";
import type { RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

type Ingress = NonNullable<NetworkPolicy["spec"]["ingress"]>[number];
type Egress = NonNullable<NetworkPolicy["spec"]["egress"]>[number];

/** Port of the API server's Service. Networks look at connections to a Service before or after they have turned them. */
const API_SERVICE_PORT = 443;

/**
 * Every address but those that are no public one by the registries of special addresses (RFC 6890 and what has been added
 * to it), and Azure's virtual public 168.63.129.16, where a node's credentials can be asked for. Those of IPv6 that are
 * translated to one of IPv4 (RFC 6052, RFC 8215) would be a way around.
 */
const INTERNET = [
  {
    cidr: "0.0.0.0/0",
    except: [
      "0.0.0.0/8",
      "10.0.0.0/8",
      "100.64.0.0/10",
      "127.0.0.0/8",
      "168.63.129.16/32",
      "169.254.0.0/16",
      "172.16.0.0/12",
      "192.0.0.0/24",
      "192.168.0.0/16",
      "198.18.0.0/15",
      "240.0.0.0/4",
    ],
  },
  {
    cidr: "::/0",
    except: [
      "::1/128",
      "64:ff9b::/96",
      "64:ff9b:1::/48",
      "2001::/32",
      "2002::/16",
      "fc00::/7",
      "fe80::/10",
      "ff00::/8",
    ],
  },
];

const ALL = { [MANAGED_BY_LABEL]: MANAGED_BY };
const GATEWAYS = selectorOf("gateway");
const FUNCTIONS = selectorOf("function");
const NATS = selectorOf("nats");

/** Closes a region's namespace, and opens what the platform needs. */
export function createNetworkPolicies(
  objects: RegionObjects,
  name: string,
  settings: RegionSettings,
  { sessions }: RegionDocument,
  parent: pulumi.Resource,
): void {
  const { networkPolicies, nats } = settings;
  if (networkPolicies === undefined) return;
  const create = (policy: string, component: string, spec: NetworkPolicy["spec"]) =>
    objects.create(
      "NetworkPolicy",
      `${name}.${policy}`,
      { objectName: policy, name: policy, component },
      { spec },
      { parent },
    );
  // whoever else is in a namespace that is not the region's own keeps the connections that it has
  const podSelector = settings.createNamespace ? {} : { matchLabels: ALL };
  create("default-deny", "namespace", { podSelector, policyTypes: ["Ingress", "Egress"] });
  create("dns", "namespace", {
    podSelector,
    policyTypes: ["Egress"],
    // resolvers are pods in some clusters, and addresses of a node or a link in others
    egress: [{ ports: [...ports(networkPolicies.dnsPorts, "UDP"), ...ports(networkPolicies.dnsPorts)] }],
  });
  create(GATEWAY_NAME, "gateway", {
    podSelector: { matchLabels: GATEWAYS },
    policyTypes: ["Ingress", "Egress"],
    ingress: gatewayIngress(networkPolicies),
    egress: [
      { to: pods(GATEWAYS), ports: ports([GATEWAY_PORTS.scaler]) },
      nats.own === undefined
        ? { ports: ports(portsOfServers(nats.url)) }
        : { to: pods(NATS), ports: ports([NATS_PORT]) },
      // the API server's address differs between clusters
      {
        ports: ports([
          ...new Set([API_SERVICE_PORT, ...networkPolicies.apiServerPorts, ...portOfKeys(sessions?.jwksUrl)]),
        ]),
      },
    ],
  });
  create("functions", "function", {
    podSelector: { matchLabels: FUNCTIONS },
    policyTypes: ["Egress"],
    egress: [
      // messages go by `POST /queues/…`; many networks lead the address of a load balancer straight to its pods
      { to: pods(GATEWAYS), ports: ports([GATEWAY_PORTS.link, GATEWAY_PORTS.http, GATEWAY_PORTS.published]) },
      ...(networkPolicies.egress ?? []).map(egressOf),
    ],
  });
  if (nats.own === undefined) return;
  const peers = { ports: ports([NATS_CLUSTER_PORT]) };
  const isCluster = nats.replicas > 1;
  create(NATS_NAME, "nats", {
    podSelector: { matchLabels: NATS },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: pods(GATEWAYS), ports: ports([NATS_PORT]) },
      ...(isCluster ? [{ from: pods(NATS), ...peers }] : []),
    ],
    ...(isCluster && { egress: [{ to: pods(NATS), ...peers }] }),
  });
}

/** Opens what one function declares. */
export function createFunctionPolicy(
  objects: RegionObjects,
  name: string,
  { networkPolicies }: RegionSettings,
  functionName: string,
  egress: readonly EgressRule[] | undefined,
  parent: pulumi.Resource,
): void {
  if (networkPolicies === undefined || egress === undefined || egress.length === 0) return;
  const labels = { [FUNCTION_LABEL]: functionName };
  const identity = { objectName: `function-${functionName}`, name: functionName, component: "function", labels };
  const spec: NetworkPolicy["spec"] = {
    podSelector: { matchLabels: functionSelector(functionName) },
    policyTypes: ["Egress"],
    egress: egress.map(egressOf),
  };
  objects.create("NetworkPolicy", name, identity, { spec }, { parent });
}

function gatewayIngress({
  ingressNamespace,
  kedaNamespace,
}: NonNullable<RegionSettings["networkPolicies"]>): Ingress[] {
  const isOpen = ingressNamespace === undefined;
  return [
    { ...(!isOpen && { from: [namespace(ingressNamespace)] }), ports: ports([GATEWAY_PORTS.published]) },
    // pods of all namespaces, and nobody whose network reaches the addresses of pods
    { from: isOpen ? [{ namespaceSelector: {} }] : pods(FUNCTIONS), ports: ports([GATEWAY_PORTS.http]) },
    { from: pods(FUNCTIONS), ports: ports([GATEWAY_PORTS.link]) },
    { from: [namespace(kedaNamespace), ...pods(GATEWAYS)], ports: ports([GATEWAY_PORTS.scaler]) },
  ];
}

function egressOf(rule: EgressRule): Egress {
  if (rule === "internet") return { to: INTERNET.map((ipBlock) => ({ ipBlock })) };
  const { cidr, except, podLabels, protocol } = rule;
  const target =
    cidr === undefined
      ? {
          ...namespace(rule.namespace!),
          ...(podLabels !== undefined && { podSelector: { matchLabels: { ...podLabels } } }),
        }
      : { ipBlock: { cidr, ...(except !== undefined && except.length > 0 && { except: [...except] }) } };
  const isLimited = rule.ports !== undefined && rule.ports.length > 0;
  return { to: [target], ...(isLimited && { ports: ports(rule.ports!, protocol) }) };
}

function pods(matchLabels: Record<string, string>): object[] {
  return [{ podSelector: { matchLabels } }];
}

function namespace(name: string): object {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function ports(numbers: readonly number[], protocol: "TCP" | "UDP" | "SCTP" = "TCP"): object[] {
  return numbers.map((port) => ({ port, protocol }));
}

/** Ports of `nats://one:4222,nats://two`. */
function portsOfServers(urls: string): number[] {
  return [...new Set(urls.split(",").map((url) => Number(/:(\d+)$/.exec(url)?.[1] ?? NATS_PORT)))];
}

/** Port of the issuer's key set, where that is not the API server's as well. */
function portOfKeys(jwksUrl: string | undefined): number[] {
  if (jwksUrl === undefined) return [];
  const { port, protocol } = new URL(jwksUrl);
  return [port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)];
}
