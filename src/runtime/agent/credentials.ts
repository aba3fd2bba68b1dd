import { readFileSync } from "node:fs";

import { type AgencyCredentials } from "../../spec/documentFiles";
import { HEADER_VALUE } from "../../spec/instances";

const HEADERS: [string, keyof AgencyCredentials][] = [
  ["X-Cff-Access-Key", "accessKey"],
  ["X-Cff-Secret-Key", "secretKey"],
  ["X-Cff-Security-Token", "securityToken"],
  ["X-Cff-Auth-Token", "authToken"],
];

/**
 * The headers, names and values in turn, that carry the credentials of a function's agency; none without one.
 *
 * @throws Error that names the file and the field, and quotes nothing of it.
 */
export function agencyHeaders(file: string | undefined): string[] {
  if (file === undefined) return [];
  const credentials = readSecrets<AgencyCredentials>(file, "the credentials of the function's agency");
  const headers: string[] = [];
  for (const [header, field] of HEADERS) {
    const value: unknown = credentials[field];
    if (value === undefined) continue;
    if (typeof value !== "string" || !HEADER_VALUE.test(value))
      throw new Error(`${field} in ${file} is not a string that a header can carry`);
    headers.push(header, value);
  }
  return headers;
}

/**
 * Reads a file with one JSON object of secret values.
 *
 * @throws Error that quotes nothing of the file.
 */
export function readSecrets<Values>(file: string, what: string): Values {
  const problem = (reason: string) => new Error(`${what} cannot be read from ${file}: ${reason}`);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw problem((error as Error).message);
  }
  try {
    return JSON.parse(text) as Values;
  } catch {
    throw problem("it is not valid JSON");
  }
}
