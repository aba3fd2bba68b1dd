/** Environment variable with an instance's {@link InstanceConfig} as JSON. The runtime removes it before user code runs. */
export const INSTANCE_CONFIG_VARIABLE = "FULLCODE_INSTANCE";
/** Environment variable with the link's token. The runtime removes it before user code runs. */
export const LINK_TOKEN_VARIABLE = "FULLCODE_LINK_TOKEN";

/** What an instance is told when it is started. Holds no secrets. */
export interface InstanceConfig {
  /** Path of the gateway's unix socket, or `host:port`. */
  gateway: string;
  function: string;
  version: string;
  /** Unique among the function's instances. */
  instance: string;
  /** Absolute path of the folder with the function's code. */
  codeFolder: string;
  /** Node.js functions: file that exports the handler, absolute or relative to the code. */
  entrypoint?: string;
  /** Custom runtimes: passed on as RUNTIME_HANDLER. */
  handler?: string;
  /** Custom runtimes: passed on as RUNTIME_USERDATA. */
  userData?: string;
  concurrency: number;
  timeoutSeconds: number;
  /** Custom runtimes: time until the bootstrap asks for its first event. */
  initSeconds: number;
  memoryMiB: number;
  cpuCores: number;
  /** Largest buffered answer. */
  responseBytes: number;
  app: {
    appName: string;
    environmentName: string;
    environmentType: string;
    apiBaseUrl: string;
    region: string;
  };
  /** File with the app's parameters as one JSON object; without it there are none. */
  paramsFile?: string;
  /** Custom runtimes: file with variables for the bootstrap alone, as one JSON object of strings. */
  variablesFile?: string;
  /** Custom runtimes: file with the credentials of the function's agency. */
  agencyFile?: string;
}
