import * as pulumi from "@pulumi/pulumi";

import type { ParamValue } from "../platforms/platform";
import { limits } from "../spec";
import type { Problems } from "./problems";

/** Parameters of an app: each handler receives them as `req.appParams`, of the types they have here. */
export type Params = Record<string, pulumi.Input<ParamValue>>;

/** Checks what is known before anything is deployed. */
export function checkParams(params: Params, problems: Problems): void {
  const known = Object.entries(params).filter(([, value]) => !pulumi.Output.isInstance(value));
  for (const [key, value] of known)
    if (!(value instanceof Promise)) problems.add(`params.${key}`, problemWithParam(value));
  problems.add("params", problemWithSize(Object.fromEntries(known)));
}

/** The values once they are known, or `undefined` where there are none. Values that are no parameters reject it. */
export function resolveParams(
  params: Params,
  component: string,
  resource: pulumi.Resource,
): pulumi.Output<Record<string, ParamValue>> | undefined {
  if (Object.keys(params).length === 0) return undefined;
  return pulumi.secret(params).apply((values) => requireParams(values, component, resource));
}

/** @throws ResourceError for values that are no parameters. */
export function requireParams(
  values: Record<string, unknown>,
  component: string,
  resource: pulumi.Resource | undefined,
): Record<string, ParamValue> {
  const problems = Object.entries(values).flatMap(([key, value]) => {
    const problem = problemWithParam(value);
    return problem === undefined ? [] : [`params.${key}: ${problem}`];
  });
  const size = problemWithSize(values);
  if (size !== undefined) problems.push(`params: ${size}`);
  if (problems.length > 0) throw new pulumi.ResourceError(`${component}: ${problems.join("; ")}`, resource, true);
  return values as Record<string, ParamValue>;
}

function problemWithParam(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number")
    return Number.isFinite(value) ? undefined : `must be a finite number, not ${String(value)}`;
  const kind = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  return `must be a string, a number or a boolean, not ${kind}`;
}

function problemWithSize(values: object): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(values) ?? "");
  return bytes > limits.MAX_PARAMS_BYTES
    ? `have ${bytes} bytes as JSON; at most ${limits.MAX_PARAMS_BYTES} are allowed`
    : undefined;
}
