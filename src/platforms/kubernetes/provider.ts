import * as pulumi from "@pulumi/pulumi";

import { loadPackage } from "./packages";
import type { RegionSettings } from "./settings";

/** The provider of one region's objects. */
export function createProvider(
  name: string,
  { context, kubeconfig, clusterIdentifier }: RegionSettings,
  parent: pulumi.Resource,
): pulumi.ProviderResource {
  const { Provider } = loadPackage("@pulumi/kubernetes")!;
  const args = {
    ...(kubeconfig !== undefined && { kubeconfig: pulumi.secret(kubeconfig) }),
    context,
    clusterIdentifier,
    // documents are edited in place: replaced, each would be there twice for a moment
    enableConfigMapMutable: true,
    enableServerSideApply: true,
  };
  return new Provider(name, args, { parent });
}
