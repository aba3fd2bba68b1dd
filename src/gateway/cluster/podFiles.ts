import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type z } from "zod";

import {
  ADMIN_TOKEN_FILE,
  GATEWAY_CONFIG_VARIABLE,
  gatewayConfig,
  type GatewayConfig,
  LINK_ROOTS_FILE,
  linkRoots,
  type LinkRoots,
  NATS_CREDENTIALS_FILE,
  natsCredentials,
  type NatsCredentials,
} from "../../spec";

/** What a gateway's pod is given. */
export interface PodFiles {
  config: GatewayConfig;
  roots: LinkRoots;
  adminToken: string;
  nats: NatsCredentials;
}

/**
 * Reads what the pod was given: its configuration from the environment, its secrets from files.
 *
 * @throws Error that names what is missing or wrong; the text of a secret is never part of it.
 */
export function readPodFiles(environment: NodeJS.ProcessEnv, folder: string): PodFiles {
  const text = environment[GATEWAY_CONFIG_VARIABLE];
  if (text === undefined)
    throw new Error(`${GATEWAY_CONFIG_VARIABLE} is not set: a gateway is started by a \`kubernetes()\` region`);
  return {
    config: parse(gatewayConfig, text, GATEWAY_CONFIG_VARIABLE),
    roots: parse(linkRoots, read(folder, LINK_ROOTS_FILE), LINK_ROOTS_FILE),
    adminToken: read(folder, ADMIN_TOKEN_FILE).trim(),
    nats: parse(natsCredentials, read(folder, NATS_CREDENTIALS_FILE), NATS_CREDENTIALS_FILE),
  };
}

function read(folder: string, name: string): string {
  const file = join(folder, name);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code}): it comes from the gateway's Secret`,
    );
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, text: string, where: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${where}: it is not valid JSON`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    `${where}: ${result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
  );
}
