import { readFileSync } from "node:fs";

import { INSTANCE_CONFIG_VARIABLE, type InstanceConfig, LINK_TOKEN_VARIABLE } from "../link/instanceConfig";

export type AppParams = Record<string, string | number | boolean>;

export interface InstanceStart {
  config: InstanceConfig;
  token: string;
  params: AppParams;
}

/**
 * Takes the instance's configuration out of the environment, so that user code and its children do not see it.
 *
 * @throws Error when the process was not started by a gateway or an image of this project.
 */
export function takeInstanceStart(environment: NodeJS.ProcessEnv): InstanceStart {
  const json = environment[INSTANCE_CONFIG_VARIABLE];
  if (json === undefined)
    throw new Error(`${INSTANCE_CONFIG_VARIABLE} is not set: instances are started by a gateway, not by hand`);
  const token = environment[LINK_TOKEN_VARIABLE] ?? "";
  delete environment[INSTANCE_CONFIG_VARIABLE];
  delete environment[LINK_TOKEN_VARIABLE];
  const config = JSON.parse(json) as InstanceConfig;
  return { config, token, params: config.paramsFile === undefined ? {} : readParams(config.paramsFile) };
}

function readParams(file: string): AppParams {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as AppParams;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    // the message of a syntax error quotes the text, which may be secret
    const reason = error instanceof SyntaxError ? "it is not valid JSON" : (error as Error).message;
    throw new Error(`the app's parameters cannot be read from ${file}: ${reason}`);
  }
}
