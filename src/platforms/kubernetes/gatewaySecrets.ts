import * as pulumi from "@pulumi/pulumi";

import {
  ADMIN_SECRET,
  ADMIN_TOKEN_FILE,
  ADMIN_TOKEN_KEY,
  GATEWAY_NAME,
  LINK_ROOTS_FILE,
  NATS_CREDENTIALS_FILE,
  type NatsCredentials,
} from "../../spec";
import type { LinkRootSecrets } from "./linkRoots";
import { loadPackage } from "./packages";
import type { CreatedObject, RegionObjects } from "./regionObjects";

const ADMIN_TOKEN_LENGTH = 43;

/** Secrets of a region's gateways. */
export interface GatewaySecretsArgs {
  roots: LinkRootSecrets;
  nats: pulumi.Input<NatsCredentials>;
}

/**
 * Makes the Secret that gateways mount, and the one with the admin API's token that `fullcode` reads.
 *
 * @returns The former; a changed one has another name, which rolls the gateways.
 */
export function createGatewaySecrets(
  objects: RegionObjects,
  name: string,
  { roots, nats }: GatewaySecretsArgs,
  parent: pulumi.Resource,
): CreatedObject {
  const { RandomPassword } = loadPackage("@pulumi/random")!;
  const password = new RandomPassword(
    `${name}.gateway-admin`,
    { length: ADMIN_TOKEN_LENGTH, special: false },
    { parent },
  );
  const token = pulumi.secret(password.result);
  const role = { name: GATEWAY_NAME, component: "gateway" };
  objects.create(
    "Secret",
    `${name}.gateway-admin`,
    { ...role, objectName: ADMIN_SECRET },
    { stringData: { [ADMIN_TOKEN_KEY]: token } },
    { parent },
  );
  const stringData = {
    [LINK_ROOTS_FILE]: roots.json,
    [ADMIN_TOKEN_FILE]: token,
    [NATS_CREDENTIALS_FILE]: pulumi.secret(nats).apply((credentials) => JSON.stringify(credentials)),
  };
  return objects.create("Secret", `${name}.gateway`, { ...role, objectName: undefined }, { stringData }, { parent });
}
