import * as pulumi from "@pulumi/pulumi";

import type { RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

/** Key of Docker Hub in the file of registries' logins; other registries have their host. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/** Lets nodes log in at the registry with the region's own credentials, if it has some. */
export function createPullSecret(
  objects: RegionObjects,
  name: string,
  { registry, registryCredentials }: RegionSettings,
  parent: pulumi.Resource,
): void {
  if (registryCredentials === undefined) return;
  const identity = { objectName: undefined, name: "registry", component: "registry" };
  const config = pulumi.secret(registryCredentials).apply(({ username, password }) => {
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return JSON.stringify({ auths: { [registryHost(registry)]: { username, password, auth } } });
  });
  const secret = { type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": config } };
  objects.pullWith(objects.create("Secret", `${name}.registry`, identity, secret, { parent }).metadata.name);
}

/** A first part that is no host belongs to a name of Docker Hub. */
function registryHost(registry: string): string {
  const [host] = registry.split("/", 1);
  const isHost = /[.:]/.test(host) || host === "localhost";
  return isHost && host !== "docker.io" && host !== "index.docker.io" ? host : DOCKER_HUB;
}
