import * as pulumi from "@pulumi/pulumi";

import { isLater } from "../platforms/later";
import type { Params, ParamValue } from "../platforms/platform";
import { limits } from "../spec";
import { type Problems, problemWithOutput } from "./problems";

/** Values of parameters, a secret. */
type ParamValues = pulumi.Output<Record<string, ParamValue>>;

/**
 * Checks values that are known before anything is deployed.
 *
 * @param prefix - Put before arguments: `regions.eu-west.`.
 */
export function checkParams(params: Params | undefined, problems: Problems, prefix = ""): void {
  if (params === undefined) return;
  if (!isPlain(params))
    return problems.add(
      `${prefix}params`,
      problemWithOutput(params) ?? "must be an object with the parameters' values",
    );
  for (const [key, value] of Object.entries(params))
    if (!isLater(value)) problems.add(`${prefix}params.${key}`, problemWithParam(value));
}

/**
 * Checks how large the values are in all that are known before anything is deployed.
 *
 * @param layers - As {@link mergeParams} takes them.
 */
export function checkParamsSize(layers: readonly (Params | undefined)[], problems: Problems, prefix = ""): void {
  const params = Object.assign({}, ...layers.filter(isPlain)) as Params;
  const known = Object.entries(params).filter(([, value]) => !isLater(value));
  problems.add(`${prefix}params`, problemWithSize(Object.fromEntries(known)));
}

/** The values once they are known, or `undefined` where there are none. Values that are no parameters reject it. */
export function resolveParams(
  params: Params | undefined,
  component: string,
  resource: pulumi.Resource,
  prefix = "",
): ParamValues | undefined {
  if (params === undefined || Object.keys(params).length === 0) return undefined;
  return pulumi.secret(params).apply((values) => requireParams(values, component, resource, prefix));
}

/** Parameters of one place from those that apply to it: of two values, the later one. Too many of them reject it. */
export function mergeParams(
  layers: readonly (ParamValues | undefined)[],
  component: string,
  resource: pulumi.Resource,
  prefix = "",
): ParamValues | undefined {
  const given = layers.filter((layer) => layer !== undefined);
  if (given.length < 2) return given[0];
  return pulumi
    .all(given)
    .apply((values) => requireParams(Object.assign({}, ...values) as object, component, resource, prefix));
}

/** @throws ResourceError for values that are no parameters. */
export function requireParams(
  values: object,
  component: string,
  resource: pulumi.Resource | undefined,
  prefix = "",
): Record<string, ParamValue> {
  const problems = Object.entries(values).flatMap(([key, value]) => {
    const problem = problemWithParam(value);
    return problem === undefined ? [] : [`${prefix}params.${key}: ${problem}`];
  });
  const size = problemWithSize(values);
  if (size !== undefined) problems.push(`${prefix}params: ${size}`);
  if (problems.length > 0) throw new pulumi.ResourceError(`${component}: ${problems.join("; ")}`, resource, true);
  return values as Record<string, ParamValue>;
}

function isPlain(params: unknown): boolean {
  return typeof params === "object" && params !== null && !isLater(params);
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
