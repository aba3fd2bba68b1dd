import type { Document } from "./documentTypes";

/**
 * Where a region's documents are in the file system, below `.fullcode/<stack>/<environment>/<region>/`:
 *
 * - `region.json`, `function.<name>.json`, `route.<name>.json`, `queue.<name>.json`, `cron.<name>.json`: the documents;
 * - `secrets/`: parameters and variables, readable by the owner only (see {@link SECRETS_FOLDER});
 * - `state/`: what the gateway itself writes: queues, firings, logs.
 */
export function documentFileName(document: Pick<Document, "kind" | "name">): string {
  return document.kind === "Region" ? "region.json" : `${document.kind.toLowerCase()}.${document.name}.json`;
}

/** Matches the names that {@link documentFileName} gives. */
export const DOCUMENT_FILE = /^(?:region|(?:function|route|queue|cron)\.[a-z0-9-]+)\.json$/;

/** Folder of the files with secret values: mode 0700, its files 0600. */
export const SECRETS_FOLDER = "secrets";
/** The app's parameters, as one JSON object, in {@link SECRETS_FOLDER}. */
export const PARAMS_FILE = "params.json";
/** Custom environment variables of a function, as one JSON object of strings, in {@link SECRETS_FOLDER}. */
export function variablesFileName(functionName: string): string {
  return `variables.${functionName}.json`;
}
/** Credentials of a function's agency, as one JSON object ({@link AgencyCredentials}), in {@link SECRETS_FOLDER}. */
export function agencyFileName(functionName: string): string {
  return `agency.${functionName}.json`;
}

/** What a custom runtime gets as headers of each event when its function has an agency. */
export interface AgencyCredentials {
  accessKey?: string;
  secretKey?: string;
  securityToken?: string;
  authToken?: string;
}

/** Folder of what the gateway writes. */
export const STATE_FOLDER = "state";
/** Address and token of the running gateway, in {@link STATE_FOLDER}; mode 0600. */
export const GATEWAY_FILE = "gateway.json";
/** What the region logs, a JSON line each, in {@link STATE_FOLDER}. */
export const LOG_FILE = "log.jsonl";
/** Which versions of functions were served, a JSON line each, in {@link STATE_FOLDER}. */
export const DEPLOYMENTS_FILE = "deployments.jsonl";
