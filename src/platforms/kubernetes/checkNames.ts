import { type ArgumentNames, problemsWithNames } from "../argumentNames";
import type { GatewayArgs, HttpRouteArgs, IngressArgs, ServiceArgs } from "./gatewayArgs";
import type { KubernetesArgs, RegistryCredentialsArgs } from "./kubernetesArgs";
import type { ExternalNatsArgs, NatsArgs, NatsCredentialsArgs } from "./natsArgs";
import type { NetworkPolicyArgs } from "./networkPolicyArgs";
import type { ScalingBehavior, ScalingRules, Toleration } from "./podArgs";
import type { ArgumentProblems } from "./problems";

const REGION: ArgumentNames<KubernetesArgs> = {
  context: true,
  kubeconfig: true,
  clusterIdentifier: true,
  params: true,
  registry: true,
  registryCredentials: true,
  pullCredentials: true,
  imagePullSecrets: true,
  imageBuilder: true,
  nodeImage: true,
  platform: true,
  revision: true,
  namespace: true,
  createNamespace: true,
  url: true,
  ingress: true,
  httpRoute: true,
  service: true,
  trustedProxies: true,
  gateway: true,
  nats: true,
  autoscaler: true,
  pollingInterval: true,
  scalingBehavior: true,
  networkPolicies: true,
  nodeSelector: true,
  tolerations: true,
  affinity: true,
  priorityClassName: true,
  runtimeClassName: true,
  labels: true,
  annotations: true,
  linkGeneration: true,
  transform: true,
};
const CREDENTIALS: ArgumentNames<RegistryCredentialsArgs> = { username: true, password: true };
const GATEWAY: ArgumentNames<GatewayArgs> = { replicas: true, image: true, memory: true, cpu: true };
const INGRESS: ArgumentNames<IngressArgs> = { host: true, className: true, tlsSecret: true, annotations: true };
const ROUTE: ArgumentNames<HttpRouteArgs> = { host: true, gateway: true };
const ROUTE_GATEWAY: ArgumentNames<HttpRouteArgs["gateway"]> = { name: true, namespace: true, sectionName: true };
const SERVICE: ArgumentNames<ServiceArgs> = { type: true, port: true, externalTrafficPolicy: true, annotations: true };
const NATS: ArgumentNames<NatsArgs & ExternalNatsArgs> = {
  image: true,
  replicas: true,
  storage: true,
  storageClass: true,
  memory: true,
  url: true,
  credentials: true,
};
const NATS_CREDENTIALS: ArgumentNames<NatsCredentialsArgs> = {
  user: true,
  password: true,
  token: true,
  creds: true,
  ca: true,
};
const NETWORK_POLICIES: ArgumentNames<NetworkPolicyArgs> = {
  egress: true,
  ingressNamespace: true,
  kedaNamespace: true,
  apiServerPorts: true,
  dnsPorts: true,
};
const BEHAVIOR: ArgumentNames<ScalingBehavior> = { scaleUp: true, scaleDown: true };
const RULES: ArgumentNames<ScalingRules> = { stabilizationWindowSeconds: true, selectPolicy: true, policies: true };
const POLICY: ArgumentNames<NonNullable<ScalingRules["policies"]>[number]> = {
  type: true,
  value: true,
  periodSeconds: true,
};
const TOLERATION: ArgumentNames<Toleration> = {
  key: true,
  operator: true,
  value: true,
  effect: true,
  tolerationSeconds: true,
};

/** Finds arguments of a region that there are not, at whatever depth. */
export function checkNames(args: KubernetesArgs, problems: ArgumentProblems): void {
  const check = (argument: string, value: unknown, known: Readonly<Record<string, true>>) => {
    // what is of another type is told so by the checks of the argument
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    for (const [name, message] of problemsWithNames(value, known, argument && `${argument}.`))
      problems.add(name, message);
  };
  const checkEach = (argument: string, values: unknown, known: Readonly<Record<string, true>>) => {
    if (Array.isArray(values)) values.forEach((each, i) => check(`${argument}[${i}]`, each, known));
  };
  check("", args, REGION);
  check("registryCredentials", args.registryCredentials, CREDENTIALS);
  check("pullCredentials", args.pullCredentials, CREDENTIALS);
  check("gateway", args.gateway, GATEWAY);
  check("ingress", args.ingress, INGRESS);
  check("httpRoute", args.httpRoute, ROUTE);
  check("httpRoute.gateway", args.httpRoute?.gateway, ROUTE_GATEWAY);
  check("service", args.service, SERVICE);
  check("nats", args.nats, NATS);
  check("nats.credentials", (args.nats as ExternalNatsArgs | undefined)?.credentials, NATS_CREDENTIALS);
  check("networkPolicies", args.networkPolicies, NETWORK_POLICIES);
  check("scalingBehavior", args.scalingBehavior, BEHAVIOR);
  for (const direction of ["scaleUp", "scaleDown"] as const) {
    const rules = args.scalingBehavior?.[direction];
    check(`scalingBehavior.${direction}`, rules, RULES);
    checkEach(`scalingBehavior.${direction}.policies`, rules?.policies, POLICY);
  }
  checkEach("tolerations", args.tolerations, TOLERATION);
}
