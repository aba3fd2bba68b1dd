import { isIP } from "node:net";
import { inspect } from "node:util";

import type { KubernetesArgs } from "./kubernetesArgs";
import { type ArgumentProblems, isNamespace, isObjectName } from "./problems";

/** Checks how a region's endpoints are reached. */
export function checkExposure(args: KubernetesArgs, problems: ArgumentProblems): void {
  const { url, ingress, httpRoute, service, trustedProxies } = args;
  if (url !== undefined) problems.add("url", problemWithUrl(url));
  if (ingress !== undefined && httpRoute !== undefined)
    problems.add("ingress", "not together with `httpRoute`: choose one");
  if (problems.object("ingress", ingress) && ingress !== undefined) {
    problems.texts("ingress.annotations", ingress.annotations);
    problems.add("ingress.host", problemWithHost(ingress.host));
    checkName("ingress.className", ingress.className, "an IngressClass", problems);
    checkName("ingress.tlsSecret", ingress.tlsSecret, "a Secret", problems);
  }
  if (problems.object("httpRoute", httpRoute) && httpRoute !== undefined) {
    problems.add("httpRoute.host", problemWithHost(httpRoute.host));
    if (!isObjectName(httpRoute.gateway?.name))
      problems.add("httpRoute.gateway.name", `"${String(httpRoute.gateway?.name)}" is no name of a Gateway`);
    const { namespace } = httpRoute.gateway ?? {};
    if (namespace !== undefined && !isNamespace(namespace))
      problems.add("httpRoute.gateway.namespace", `"${String(namespace)}" is no name of a namespace`);
    checkName("httpRoute.gateway.sectionName", httpRoute.gateway?.sectionName, "a listener", problems);
  }
  problems.object("service", service);
  problems.texts("service.annotations", service?.annotations);
  problems.oneOf("service.type", service?.type, ["ClusterIP", "LoadBalancer", "NodePort"]);
  problems.oneOf("service.externalTrafficPolicy", service?.externalTrafficPolicy, ["Local", "Cluster"]);
  if (service?.externalTrafficPolicy !== undefined && (service.type ?? "ClusterIP") === "ClusterIP")
    problems.add("service.externalTrafficPolicy", "needs `type` LoadBalancer or NodePort");
  problems.wholeNumber("service.port", service?.port, 1, 65_535);
  problems.wholeNumber("trustedProxies", trustedProxies, 0, 10);
}

function problemWithUrl(text: unknown): string | undefined {
  const url = typeof text === "string" && /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    return `${JSON.stringify(text) ?? String(text)} is no address such as "https://shop.example.com"`;
  if (String(text).endsWith("/")) return `"${String(text)}" must not end with "/": paths of endpoints begin with it`;
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "")
    return `"${String(text)}" must have no credentials, query or fragment`;
  return undefined;
}

function problemWithHost(host: unknown): string | undefined {
  const isHost = isObjectName(host) && isIP(String(host)) === 0;
  return isHost ? undefined : `"${String(host)}" is no name of a host such as "shop.example.com"`;
}

function checkName(argument: string, name: unknown, kind: string, problems: ArgumentProblems): void {
  if (name !== undefined && !isObjectName(name)) problems.add(argument, `${inspect(name)} is no name of ${kind}`);
}
