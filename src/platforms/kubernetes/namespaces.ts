import { createHash } from "node:crypto";

import type { RegionPlace } from "../platform";
import type { KubernetesArgs } from "./kubernetesArgs";
import { namespaceOf } from "./settings";

/** Cluster and namespace → the region that has it, for each program. */
const ownersOfPrograms = new WeakMap<object, Map<string, string>>();
/** Kubeconfigs that are known later: one object is one cluster. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

const MAX_LENGTH = 63;

/**
 * Takes a namespace for a region, or says why the region cannot have it.
 *
 * @param scope - Stands for the program.
 */
export function takeNamespace(
  scope: object,
  args: KubernetesArgs,
  app: string,
  place: RegionPlace,
): string | undefined {
  const namespace = namespaceOf(args, app, place);
  if (namespace.length > MAX_LENGTH && args.namespace === undefined)
    return `the default "${namespace}" has ${namespace.length} characters; at most ${MAX_LENGTH} are allowed: give a shorter one`;
  const owners = ownersOfPrograms.get(scope) ?? new Map<string, string>();
  ownersOfPrograms.set(scope, owners);
  const key = JSON.stringify([clusterKey(args), namespace]);
  const owner = owners.get(key);
  if (owner !== undefined)
    return `"${namespace}" is already the namespace of region "${owner}" in the same cluster; give one of them another one`;
  owners.set(key, `${place.environment}/${place.region}`);
  return undefined;
}

/** The same for regions that are certainly in one cluster. */
function clusterKey({ clusterIdentifier, context, kubeconfig }: KubernetesArgs): unknown {
  if (clusterIdentifier !== undefined) return { clusterIdentifier };
  if (typeof kubeconfig !== "object") return { context, kubeconfig: kubeconfig && hash(kubeconfig) };
  if (!numbers.has(kubeconfig)) numbers.set(kubeconfig, ++lastNumber);
  return { context, number: numbers.get(kubeconfig) };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
