import type { InstanceConfig } from "../../link/instanceConfig";
import {
  type FunctionDocument,
  GATEWAY_PORTS,
  IMAGE_CODE_FOLDER,
  INSTANCE_PROBE_PORT,
  LINK_SERVICE,
  type RegionDocument,
} from "../../spec";
import { type FunctionSecrets, secretFilePath } from "./functionSecrets";

export interface InstanceConfigArgs {
  document: FunctionDocument;
  /** What an instance loads, where it is not what the document says. */
  entrypoint?: string;
  region: RegionDocument;
  /** Where pods reach the region's gateways. */
  insideUrl: string;
  namespace: string;
  /** Of the secret that the function's token was made with. */
  linkGeneration: number;
  secrets: FunctionSecrets;
}

/** What an instance of a function in a pod is told. */
export function instanceConfig({
  document,
  entrypoint,
  region,
  insideUrl,
  namespace,
  linkGeneration,
  secrets,
}: InstanceConfigArgs): InstanceConfig {
  return {
    cluster: {
      gateways: `${LINK_SERVICE}.${namespace}.svc:${GATEWAY_PORTS.link}`,
      generation: linkGeneration,
      probePort: INSTANCE_PROBE_PORT,
    },
    function: document.name,
    version: document.version,
    codeFolder: IMAGE_CODE_FOLDER,
    entrypoint: entrypoint ?? document.entrypoint,
    entrypointSource: entrypoint === undefined ? undefined : document.entrypoint,
    handler: document.handler,
    userData: document.userData,
    concurrency: document.concurrency,
    timeoutSeconds: document.timeoutSeconds,
    initSeconds: document.limits.initSeconds,
    memoryMiB: document.memoryMiB,
    cpuCores: document.cpuCores,
    responseBytes: document.limits.responseBytes,
    app: {
      appName: region.app,
      environmentName: region.environment,
      environmentType: region.environmentType,
      apiBaseUrl: region.url,
      queueBaseUrl: `${insideUrl}/queues`,
      region: region.name,
    },
    paramsFile: secrets.params && secretFilePath(secrets.params),
    variablesFile: secrets.variables && secretFilePath(secrets.variables),
    agencyFile: secrets.agency && secretFilePath(secrets.agency),
  };
}
