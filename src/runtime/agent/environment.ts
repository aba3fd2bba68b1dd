import { type InstanceConfig } from "../../link/instanceConfig";
import { RESERVED_VARIABLE } from "../../spec/instances";
import { readSecrets } from "./credentials";

/**
 * The environment of a bootstrap, but for where the runtime API is: what it inherits, the function's variables, and the
 * contract's `RUNTIME_*`.
 *
 * @throws Error that quotes nothing of the function's variables.
 */
export function bootstrapEnvironment(config: InstanceConfig, inherited: NodeJS.ProcessEnv): Record<string, string> {
  const environment: Record<string, string> = {};
  const { variablesFile } = config;
  const variables =
    variablesFile === undefined ? {} : readSecrets<Record<string, string>>(variablesFile, "the function's variables");
  for (const [name, value] of [...Object.entries(inherited), ...Object.entries(variables)])
    if (value !== undefined && !RESERVED_VARIABLE.test(name)) environment[name] = value;
  return {
    ...environment,
    RUNTIME_PROJECT_ID: config.app.environmentName,
    RUNTIME_FUNC_NAME: config.function,
    RUNTIME_FUNC_VERSION: config.version,
    RUNTIME_PACKAGE: config.app.appName,
    RUNTIME_HANDLER: config.handler ?? "",
    RUNTIME_TIMEOUT: String(config.timeoutSeconds),
    RUNTIME_USERDATA: config.userData ?? "",
    RUNTIME_CONCURRENCY: String(config.concurrency),
    RUNTIME_CPU: String(config.cpuCores),
    RUNTIME_MEMORY: String(config.memoryMiB),
    RUNTIME_CODE_ROOT: config.codeFolder,
  };
}
