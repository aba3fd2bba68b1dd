import { inspect } from "node:util";

import { problemsWithEgress } from "../egress";
import { problemWithPlatform } from "../images";
import { isLater } from "../later";
import { checkExposure } from "./checkExposure";
import { checkNames } from "./checkNames";
import { checkNats } from "./checkNats";
import { kubeconfigFromList } from "./kubeconfigList";
import type { KubernetesArgs } from "./kubernetesArgs";
import { problemWithAnnotationKey, problemWithLabel, RESERVED_LABEL } from "./labels";
import type { ScalingBehavior } from "./podArgs";
import { type ArgumentProblems, isNamespace, isObjectName } from "./problems";

/** `host:port/path`, all of it in lower case, as image references have it. */
const REGISTRY = /^[a-z0-9]+(?:[.-][a-z0-9]+)*(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const MIN_GATEWAY_MEMORY_MIB = 256;
/** Checks everything that can be known before anything is deployed. */
export function checkArguments(args: KubernetesArgs, problems: ArgumentProblems): void {
  checkNames(args, problems);
  checkCluster(args, problems);
  checkImages(args, problems);
  checkExposure(args, problems);
  checkGateway(args, problems);
  checkNats(args.nats, problems);
  checkScaling(args, problems);
  checkNetworkPolicies(args, problems);
  checkMetadata(args, problems);
  problems.wholeNumber("linkGeneration", args.linkGeneration, 1, Number.MAX_SAFE_INTEGER);
}

function checkCluster(
  { context, kubeconfig, clusterIdentifier, namespace, createNamespace }: KubernetesArgs,
  problems: ArgumentProblems,
) {
  problems.text("context", context);
  problems.text("clusterIdentifier", clusterIdentifier);
  problems.boolean("createNamespace", createNamespace);
  if (kubeconfig === undefined) problems.add("context", problemWithList(context));
  else if (!isLater(kubeconfig)) problems.text("kubeconfig", kubeconfig);
  if (namespace !== undefined && !isNamespace(namespace))
    problems.add(
      "namespace",
      `"${String(namespace)}" is no name of a namespace: lower-case letters, digits and dashes, at most 63 characters`,
    );
}

function problemWithList(context: string | undefined): string | undefined {
  try {
    kubeconfigFromList(context);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function checkImages(args: KubernetesArgs, problems: ArgumentProblems): void {
  problems.add("registry", problemWithRegistry(args.registry));
  for (const argument of ["registryCredentials", "pullCredentials"] as const)
    for (const field of ["username", "password"] as const) {
      const value = args[argument]?.[field];
      if (args[argument] === undefined || isLater(value)) continue;
      if (typeof value !== "string" || value === "")
        problems.add(`${argument}.${field}`, "must be a string that is not empty");
    }
  problems.list("imagePullSecrets", args.imagePullSecrets).forEach((name, index) => {
    if (!isObjectName(name)) problems.add(`imagePullSecrets[${index}]`, `"${String(name)}" is no name of a Secret`);
  });
  problems.image("nodeImage", args.nodeImage);
  problems.text("revision", args.revision);
  if (args.platform !== undefined) problems.add("platform", problemWithPlatform(args.platform));
}

function problemWithRegistry(registry: unknown): string | undefined {
  if (typeof registry !== "string" || registry === "")
    return 'must be the registry that images are pushed to, such as "registry.example.com/shop"';
  if (/^[a-z+]+:\/\//i.test(registry)) return `must not have a scheme: "${registry.replace(/^[^:]*:\/\//, "")}"`;
  if (registry.endsWith("/")) return `"${registry}" must not end with "/"`;
  if (registry.includes("@") || /\/[^/]*:[^/]*$/.test(registry))
    return `"${registry}" must have neither a tag nor a digest: each function gets a repository below it`;
  if (registry !== registry.toLowerCase()) return `"${registry}" must be in lower case, as image references are`;
  return REGISTRY.test(registry) ? undefined : `"${registry}" is no registry such as "registry.example.com/shop"`;
}

function checkGateway({ gateway }: KubernetesArgs, problems: ArgumentProblems): void {
  problems.wholeNumber("gateway.replicas", gateway?.replicas, 1, 100);
  problems.image("gateway.image", gateway?.image);
  problems.wholeNumber("gateway.memory", gateway?.memory, MIN_GATEWAY_MEMORY_MIB, 1024 * 1024);
  problems.number("gateway.cpu", gateway?.cpu, 0.01, 256);
}

function checkScaling({ autoscaler, pollingInterval, scalingBehavior }: KubernetesArgs, problems: ArgumentProblems) {
  problems.oneOf("autoscaler", autoscaler, ["keda", "none"]);
  problems.wholeNumber("pollingInterval", pollingInterval, 1, 5);
  for (const direction of ["scaleUp", "scaleDown"] as const) checkRules(direction, scalingBehavior, problems);
}

function checkRules(
  direction: "scaleUp" | "scaleDown",
  behavior: ScalingBehavior | undefined,
  problems: ArgumentProblems,
) {
  const rules = behavior?.[direction];
  const argument = `scalingBehavior.${direction}`;
  problems.wholeNumber(`${argument}.stabilizationWindowSeconds`, rules?.stabilizationWindowSeconds, 0, 3600);
  problems.oneOf(`${argument}.selectPolicy`, rules?.selectPolicy, ["Max", "Min", "Disabled"]);
  problems.list(`${argument}.policies`, rules?.policies).forEach(({ type, value, periodSeconds }, index) => {
    const policy = `${argument}.policies[${index}]`;
    problems.oneOf(`${policy}.type`, type, ["Pods", "Percent"]);
    problems.wholeNumber(`${policy}.value`, value, 1, Number.MAX_SAFE_INTEGER);
    problems.wholeNumber(`${policy}.periodSeconds`, periodSeconds, 1, 1800);
  });
}

function checkNetworkPolicies({ networkPolicies }: KubernetesArgs, problems: ArgumentProblems): void {
  if (networkPolicies === undefined || networkPolicies === false) return;
  for (const [path, message] of problemsWithEgress(networkPolicies.egress))
    problems.add(`networkPolicies.egress${path}`, message);
  for (const argument of ["ingressNamespace", "kedaNamespace"] as const) {
    const namespace = networkPolicies[argument];
    if (namespace !== undefined && !isNamespace(namespace))
      problems.add(`networkPolicies.${argument}`, `"${String(namespace)}" is no name of a namespace`);
  }
  for (const argument of ["apiServerPorts", "dnsPorts"] as const) {
    const ports: unknown = networkPolicies[argument];
    if (Array.isArray(ports))
      ports.forEach((port, index) => problems.wholeNumber(`networkPolicies.${argument}[${index}]`, port, 1, 65_535));
    else if (ports !== undefined)
      problems.add(`networkPolicies.${argument}`, `must be a list of ports, not ${inspect(ports)}`);
  }
}

function checkMetadata(
  { labels, annotations, nodeSelector, tolerations }: KubernetesArgs,
  problems: ArgumentProblems,
): void {
  problems.texts("nodeSelector", nodeSelector);
  problems.list("tolerations", tolerations);
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (RESERVED_LABEL.test(key)) problems.add(`labels["${key}"]`, "is set by the platform");
    else problems.add(`labels["${key}"]`, problemWithLabel(key, value));
  }
  for (const [key, value] of Object.entries(annotations ?? {})) {
    const message = typeof value === "string" ? problemWithAnnotationKey(key) : "must be a string";
    problems.add(`annotations["${key}"]`, message);
  }
}
