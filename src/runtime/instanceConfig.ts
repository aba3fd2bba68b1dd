import { readFileSync } from "node:fs";

import {
  INSTANCE_CONFIG_VARIABLE,
  type InstanceConfig,
  LINK_TOKEN_VARIABLE,
  POD_NAME_VARIABLE,
} from "../link/instanceConfig";

export type AppParams = Record<string, string | number | boolean>;

export interface InstanceStart {
  config: InstanceConfig;
  /** Unique among the function's instances. */
  instance: string;
  token: string;
  params: AppParams;
}

/**
 * Takes the instance's configuration out of the environment: user code has its own variables there and no others, and hands
 * no others to what it starts. It is kept from nobody by that: the operating system still shows, in `/proc/self/environ`,
 * what the process was started with. The token is good for links of this function's instances only.
 *
 * @throws Error when the process was not started by a gateway or an image of this project.
 */
export function takeInstanceStart(environment: NodeJS.ProcessEnv): InstanceStart {
  const json = environment[INSTANCE_CONFIG_VARIABLE];
  if (json === undefined)
    throw new Error(`${INSTANCE_CONFIG_VARIABLE} is not set: instances are started by a gateway, not by hand`);
  const config = JSON.parse(json) as InstanceConfig;
  const token = environment[LINK_TOKEN_VARIABLE];
  if (token === undefined) throw new Error(`${LINK_TOKEN_VARIABLE} is not set: without it no gateway accepts the link`);
  const instance = config.cluster === undefined ? config.instance : environment[POD_NAME_VARIABLE];
  if (instance === undefined) throw new Error(`${POD_NAME_VARIABLE} is not set: it has to hold the name of the pod`);
  for (const name of [INSTANCE_CONFIG_VARIABLE, LINK_TOKEN_VARIABLE, POD_NAME_VARIABLE]) delete environment[name];
  const params = readParams(config.paramsFile);
  return { config, instance, token, params };
}

/**
 * The app's parameters; none where there is no file.
 *
 * @throws Error that quotes nothing of the file.
 */
export function readParams(file: string | undefined): AppParams {
  if (file === undefined) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8")) as AppParams;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    // the message of a syntax error quotes the text, which may be secret
    const reason = error instanceof SyntaxError ? "it is not valid JSON" : (error as Error).message;
    throw new Error(`the app's parameters cannot be read from ${file}: ${reason}`);
  }
}
