import * as pulumi from "@pulumi/pulumi";

import { kubeconfigFromList } from "./kubeconfigList";
import type { ProviderArguments } from "./objects";
import { loadPackage } from "./packages";
import type { RegionSettings } from "./settings";

/** The provider of one region's objects. */
export function createProvider(
  name: string,
  { context, kubeconfig, clusterIdentifier, place, transform }: RegionSettings,
  parent: pulumi.Resource,
): pulumi.ProviderResource {
  const { Provider } = loadPackage("@pulumi/kubernetes")!;
  const args: ProviderArguments = {
    kubeconfig: kubeconfig !== undefined ? pulumi.secret(kubeconfig) : kubeconfigFromList(context),
    context,
    clusterIdentifier,
    // documents are edited in place: replaced, each would be there twice for a moment
    enableConfigMapMutable: true,
    enableServerSideApply: true,
  };
  const options: pulumi.CustomResourceOptions = { parent };
  transform.Provider?.(args, options, place);
  return new Provider(name, args, options);
}
