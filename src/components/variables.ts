import * as pulumi from "@pulumi/pulumi";

import { isLater } from "../platforms/later";
import { limits, RESERVED_VARIABLE } from "../spec";
import type { Problems } from "./problems";

/** Custom environment variables of a function. */
export type Variables = Record<string, pulumi.Input<string>>;

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Checks names, and the values that are known before anything is deployed. */
export function checkVariables(variables: Variables, problems: Problems, prefix = ""): void {
  for (const [key, value] of Object.entries(variables)) {
    const argument = `${prefix}variables.${key}`;
    if (!VARIABLE.test(key))
      problems.add(argument, "must consist of letters, digits and underscores and not start with a digit");
    else if (RESERVED_VARIABLE.test(key))
      problems.add(argument, "names that start with RUNTIME_ or FULLCODE_ are set by the platform");
    if (!isLater(value)) problems.add(argument, problemWithValue(key, value));
  }
  problems.add(`${prefix}variables`, problemWithSize(variables));
}

/** The values once they are known, or `undefined` where there are none. Values that are no strings reject it. */
export function resolveVariables(
  variables: Variables,
  component: string,
  resource: pulumi.Resource,
): pulumi.Output<Record<string, string>> | undefined {
  if (Object.keys(variables).length === 0) return undefined;
  return pulumi.secret(variables).apply((values) => {
    const wrong = Object.entries(values).flatMap(([key, value]) => {
      const problem = problemWithValue(key, value);
      return problem === undefined ? [] : [`variables.${key}: ${problem}`];
    });
    const tooMuch = problemWithSize(values);
    if (tooMuch !== undefined) wrong.push(`variables: ${tooMuch}`);
    if (wrong.length > 0) throw new pulumi.ResourceError(`${component}: ${wrong.join("; ")}`, resource, true);
    return values;
  });
}

function problemWithValue(key: string, value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, not ${value === null ? "null" : typeof value}`;
  if (value.includes("\0")) return "must not contain a NUL character";
  const bytes = bytesOf([key, value]);
  if (bytes <= limits.MAX_VARIABLE_BYTES) return undefined;
  return `has ${bytes} bytes; at most ${limits.MAX_VARIABLE_BYTES} are allowed: put it into a file of the code`;
}

/** Of the values that are known. */
function problemWithSize(variables: Variables): string | undefined {
  const known = Object.entries(variables).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const bytes = known.reduce((sum, entry) => sum + bytesOf(entry), 0);
  if (bytes <= limits.MAX_VARIABLES_BYTES) return undefined;
  return `have ${bytes} bytes together; at most ${limits.MAX_VARIABLES_BYTES} are allowed`;
}

function bytesOf([key, value]: [string, string]): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}
