import type { Kubectl, KubernetesObject } from "../kubectl";
import { pollUntil } from "../pollUntil";

const READY_SECONDS = 180;

interface Service extends KubernetesObject {
  spec: { type?: string; clusterIP?: string; selector?: Record<string, string> };
}

interface EndpointSlice {
  endpoints?: { conditions: { ready: boolean } }[];
}

/** Waits as the provider does until an object is what it was applied for, and returns it as it is then. */
export async function untilReady(client: Kubectl, object: KubernetesObject): Promise<KubernetesObject> {
  const { kind, metadata } = object;
  const { "pulumi.com/skipAwait": skips, "pulumi.com/waitFor": condition } = metadata.annotations ?? {};
  if (skips === "true") return object;
  const target = `${kind.toLowerCase()}/${metadata.name}`;
  if (condition !== undefined)
    await client.run(["wait", ...placeOf(object), "--for", condition, target, "--timeout", `${READY_SECONDS}s`], {
      timeoutMs: (READY_SECONDS + 10) * 1000,
    });
  else if (kind === "Deployment" || kind === "StatefulSet") await untilRolledOut(client, object);
  else if (kind === "CustomResourceDefinition") await client.run(["wait", "--for", "condition=Established", target]);
  else if (kind === "Service" && hasEndpoints(object as Service)) await untilReachable(client, object);
  else return object;
  return client.json(["get", ...placeOf(object), target]);
}

async function untilRolledOut(client: Kubectl, object: KubernetesObject): Promise<void> {
  const { kind, metadata } = object;
  const target = `${kind.toLowerCase()}/${metadata.name}`;
  try {
    await client.run(["rollout", "status", ...placeOf(object), target, "--timeout", `${READY_SECONDS}s`], {
      timeoutMs: (READY_SECONDS + 10) * 1000,
    });
  } catch (error) {
    const pods = await client.run(["get", "pods", ...placeOf(object), "--output", "wide"]);
    const events = await client.run(["get", "events", ...placeOf(object), "--sort-by", ".lastTimestamp"]);
    const latest = events.trim().split("\n").slice(-15).join("\n");
    throw new Error(`${target} does not get ready: ${(error as Error).message}\n${pods}\n${latest}`);
  }
}

/** Those that the provider waits for: a headless Service may well have none. */
function hasEndpoints({ spec }: Service): boolean {
  return spec.selector !== undefined && spec.type !== "ExternalName" && spec.clusterIP !== "None";
}

async function untilReachable(client: Kubectl, service: KubernetesObject): Promise<void> {
  const { name } = service.metadata;
  const slices = ["get", "endpointslices", ...placeOf(service), "--selector", `kubernetes.io/service-name=${name}`];
  await pollUntil(
    `Service ${name} has a ready pod`,
    async () => {
      const { items } = await client.json<{ items: EndpointSlice[] }>(slices);
      return items.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions.ready));
    },
    READY_SECONDS * 1000,
  );
}

function placeOf({ metadata }: KubernetesObject): string[] {
  return metadata.namespace === undefined ? [] : ["--namespace", metadata.namespace];
}
