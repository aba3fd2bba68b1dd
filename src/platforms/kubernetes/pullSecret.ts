import * as pulumi from "@pulumi/pulumi";

import type { RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/**
 * Name of the Secret. It is part of every pod: with one made up at each change, as other Secrets have it, a token that each
 * deployment brings anew would roll gateways, functions and NATS.
 */
const PULL_SECRET = "registry-pull";
/** Key of Docker Hub in the file of registries' logins; other registries have their host. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/**
 * Lets nodes log in at the registry with the region's own credentials, if it has some.
 *
 * The provider edits no Secret in place: a changed one of a fixed name is deleted and made again. Running pods do not notice.
 * One that starts in between, on a node without its image, is refused by the registry and tries again after seconds. The
 * provider's `enableSecretMutable` would save that moment, and with it the new names by which all other Secrets roll
 * what uses them.
 */
export function createPullSecret(
  objects: RegionObjects,
  name: string,
  { registry, registryCredentials, pullCredentials = registryCredentials }: RegionSettings,
  parent: pulumi.Resource,
): void {
  if (pullCredentials === undefined) return;
  const identity = { objectName: PULL_SECRET, name: "registry", component: "registry" };
  const config = pulumi.secret(pullCredentials).apply(({ username, password }) => {
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return JSON.stringify({ auths: { [registryHost(registry)]: { username, password, auth } } });
  });
  const secret = { type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": config } };
  objects.pullWith(PULL_SECRET, objects.create("Secret", `${name}.registry`, identity, secret, { parent }));
}

/** A first part that is no host belongs to a name of Docker Hub. */
function registryHost(registry: string): string {
  const [host] = registry.split("/", 1);
  const isHost = /[.:]/.test(host) || host === "localhost";
  return isHost && host !== "docker.io" && host !== "index.docker.io" ? host : DOCKER_HUB;
}
