import * as pulumi from "@pulumi/pulumi";

import type { Problems } from "./problems";

/** Custom environment variables of a function. */
export type Variables = Record<string, pulumi.Input<string>>;

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const RESERVED = /^(?:RUNTIME|FULLCODE)_/;

/** Checks names, and the values that are known before anything is deployed. */
export function checkVariables(variables: Variables, problems: Problems, prefix = ""): void {
  for (const [key, value] of Object.entries(variables)) {
    const argument = `${prefix}variables.${key}`;
    if (!VARIABLE.test(key))
      problems.add(argument, "must consist of letters, digits and underscores and not start with a digit");
    else if (RESERVED.test(key))
      problems.add(argument, "names that start with RUNTIME_ or FULLCODE_ are set by the platform");
    if (!pulumi.Output.isInstance(value) && !(value instanceof Promise))
      problems.add(argument, problemWithValue(value));
  }
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
      const problem = problemWithValue(value);
      return problem === undefined ? [] : [`variables.${key}: ${problem}`];
    });
    if (wrong.length > 0) throw new pulumi.ResourceError(`${component}: ${wrong.join("; ")}`, resource, true);
    return values;
  });
}

function problemWithValue(value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, not ${value === null ? "null" : typeof value}`;
  return value.includes("\0") ? "must not contain a NUL character" : undefined;
}
