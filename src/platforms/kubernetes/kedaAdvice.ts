import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";

/** What the provider says of a kind that the cluster does not know. */
const UNKNOWN_KIND = /no matches for kind|apiVersion for this resource does not exist/;

/** Says how KEDA is installed where a ScaledObject cannot be made for want of it. */
export function adviceOnKeda(region: string): string {
  return (
    `the cluster of region "${region}" has no KEDA, which scales its functions. Install it: ` +
    "https://keda.sh/docs/latest/deploy/ says how, and deploy again; " +
    'or give the region `autoscaler: "none"`, and its functions keep `scale.min` instances, at least one'
  );
}

/**
 * Has the engine tell how KEDA is installed when one of a region's ScaledObjects fails for want of it: the provider's own
 * error names a kind that does not exist. Engines that run no hooks show that error alone.
 */
export function kedaHooks(region: string, parent: pulumi.Resource): pulumi.ResourceHookBinding | undefined {
  if (!runsErrorHooks()) return undefined;
  let isSaid = false;
  const hook = new pulumi.ErrorHook(`KEDA in the cluster of region "${region}"`, ({ errors: [error] }) => {
    if (!isSaid && UNKNOWN_KIND.test(error)) {
      isSaid = true;
      void pulumi.log.error(adviceOnKeda(region), parent);
    }
    return false;
  });
  return { onError: [hook] };
}

/** An older engine has no error hooks, and neither have stand-ins for one, such as those of unit tests. */
function runsErrorHooks(): boolean {
  const monitor = pulumi.runtime.getMonitor() as { registerErrorHook?: unknown } | undefined;
  if (typeof monitor?.registerErrorHook !== "function") return false;
  try {
    // the SDK tells nobody else what it has asked the engine; to register a hook that it does not know ends the program
    const state = createRequire(__filename)("@pulumi/pulumi/runtime/state") as { getStore(): Record<string, unknown> };
    return state.getStore().supportsErrorHooks === true;
  } catch {
    return false;
  }
}
