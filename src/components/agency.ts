import * as pulumi from "@pulumi/pulumi";

import { isLater } from "../platforms/later";
import { type AgencyCredentials, HEADER_VALUE } from "../spec";
import { type Problems, problemWithOutput } from "./problems";

/**
 * Credentials in whose name a custom runtime acts. Those that are set are headers of each event. A value that no header can
 * carry, such as one with a line break, is an error.
 */
export interface AgencyArgs {
  /**
   * Header `X-Cff-Access-Key`.
   * @default no such header
   */
  accessKey?: pulumi.Input<string>;
  /**
   * Header `X-Cff-Secret-Key`.
   * @default no such header
   */
  secretKey?: pulumi.Input<string>;
  /**
   * Header `X-Cff-Security-Token`.
   * @default no such header
   */
  securityToken?: pulumi.Input<string>;
  /**
   * Header `X-Cff-Auth-Token`.
   * @default no such header
   */
  authToken?: pulumi.Input<string>;
}

const FIELDS: readonly string[] = [
  "accessKey",
  "secretKey",
  "securityToken",
  "authToken",
] satisfies (keyof AgencyCredentials)[];

/** Checks what is known before anything is deployed. */
export function checkAgency(agency: AgencyArgs | undefined, runtime: "nodejs" | "custom", problems: Problems): void {
  if (agency === undefined) return;
  if (typeof agency !== "object" || agency === null || problemWithOutput(agency) !== undefined)
    return problems.add("agency", problemWithOutput(agency) ?? "must be an object with the agency's credentials");
  if (runtime !== "custom")
    problems.add("agency", "needs a custom runtime: the credentials are headers of the events that a `bootstrap` gets");
  for (const [field, value] of Object.entries(agency)) {
    if (!FIELDS.includes(field)) problems.add(`agency.${field}`, `is no credential; there are ${FIELDS.join(", ")}`);
    else if (value !== undefined && !isLater(value)) problems.add(`agency.${field}`, problemWithValue(value));
  }
}

/** The credentials once they are known, or `undefined` where none is set. Values that no header can carry reject it. */
export function resolveAgency(
  agency: AgencyArgs | undefined,
  component: string,
  resource: pulumi.Resource,
): pulumi.Output<Record<string, string>> | undefined {
  const given = Object.entries(agency ?? {}).filter(([, value]) => value !== undefined);
  if (given.length === 0) return undefined;
  return pulumi.secret(Object.fromEntries(given)).apply((values) => {
    const wrong = Object.entries(values).flatMap(([field, value]) => {
      const problem = problemWithValue(value);
      return problem === undefined ? [] : [`agency.${field}: ${problem}`];
    });
    if (wrong.length > 0) throw new pulumi.ResourceError(`${component}: ${wrong.join("; ")}`, resource, true);
    return values;
  });
}

/** Quotes nothing of the value: it is secret. */
function problemWithValue(value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, not ${value === null ? "null" : typeof value}`;
  return HEADER_VALUE.test(value) ? undefined : "has characters that a header cannot carry, such as a line break";
}
