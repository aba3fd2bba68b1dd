/** Environment variable with an instance's {@link InstanceConfig} as JSON. The runtime removes it before user code runs. */
export const INSTANCE_CONFIG_VARIABLE = "FULLCODE_INSTANCE";
/** Environment variable with the link's token. The runtime removes it before user code runs. */
export const LINK_TOKEN_VARIABLE = "FULLCODE_LINK_TOKEN";

/** Environment variable with the name of an instance's pod. The runtime removes it before user code runs. */
export const POD_NAME_VARIABLE = "FULLCODE_POD_NAME";

/** What an instance is told when it is started. Holds no secrets. */
export interface InstanceConfig {
  /** Path of the gateway's unix socket; this or {@link cluster}. */
  gateway?: string;
  /** Set in a pod. */
  cluster?: ClusterLinks;
  function: string;
  version: string;
  /** Unique among the function's instances. In a pod it is the pod's name, from {@link POD_NAME_VARIABLE}. */
  instance?: string;
  /** Absolute path of the folder with the function's code. */
  codeFolder: string;
  /** Node.js functions: file that exports the handler, absolute or relative to the code. */
  entrypoint?: string;
  /** Node.js functions: what the entrypoint was made from, where that is another file. */
  entrypointSource?: string;
  /** Custom runtimes: passed on as RUNTIME_HANDLER. */
  handler?: string;
  /** Custom runtimes: passed on as RUNTIME_USERDATA. */
  userData?: string;
  concurrency: number;
  timeoutSeconds: number;
  /** Time to initialise: until the code is loaded, or the bootstrap asks for its first event. */
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
    queueBaseUrl: string;
    region: string;
  };
  /** File with the app's parameters as one JSON object; without it there are none. */
  paramsFile?: string;
  /** Custom runtimes: file with variables for the bootstrap alone, as one JSON object of strings. */
  variablesFile?: string;
  /** Custom runtimes: file with the credentials of the function's agency. */
  agencyFile?: string;
}

/** How an instance in a pod finds its gateways, and how it is probed. */
export interface ClusterLinks {
  /** `name:port` of the gateways' headless Service: the name resolves to the addresses of all replicas. */
  gateways: string;
  /** Of the root secret that the instance's token was made with. */
  generation: number;
  /** Where `GET /live` and `GET /ready` are answered. */
  probePort: number;
}
