import { createHash } from "node:crypto";

import { APP_LABEL, ENVIRONMENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, REGION_LABEL } from "../../spec";
import type { RegionPlace } from "../platform";

/** Labels that the platform sets on every object. */
export const RESERVED_LABEL = /^(?:fullcode\/|app\.kubernetes\.io\/(?:name|component|part-of|managed-by|version)$)/;

const PREFIX = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** What an object is, for its labels. */
export interface ObjectRole {
  /** Name of the program or thing: `gateway`, `nats`, a function's name. */
  name: string;
  /** Its part in the region: `gateway`, `function`, `document`. */
  component: string;
  version?: string;
  /** Labels of this object alone. */
  labels?: Readonly<Record<string, string>>;
}

/** Labels of an object of a region. */
export function labelsOf(
  { name, component, version, labels }: ObjectRole,
  app: string,
  place: RegionPlace,
): Record<string, string> {
  return {
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/component": component,
    [APP_LABEL]: app,
    [MANAGED_BY_LABEL]: MANAGED_BY,
    ...(version !== undefined && { "app.kubernetes.io/version": version }),
    [ENVIRONMENT_LABEL]: place.environment,
    [REGION_LABEL]: place.region,
    ...labels,
  };
}

/**
 * Value of the label that tells objects of two stacks apart. Both may have the same names in one namespace: the later one
 * cannot take over what has another value here, and so destroys nothing that is not its own.
 */
export function stackLabel(project: string, stack: string): string {
  const name = `${project}.${stack}`;
  if (VALUE.test(name)) return name;
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** Labels that a component's pods are selected by. They must never change: Kubernetes would refuse it. */
export function selectorOf(component: string, labels?: Readonly<Record<string, string>>): Record<string, string> {
  return { "app.kubernetes.io/component": component, [MANAGED_BY_LABEL]: MANAGED_BY, ...labels };
}

export function problemWithLabel(key: string, value: unknown): string | undefined {
  if (typeof value !== "string") return "must be a string";
  if (!VALUE.test(value))
    return `"${value}" is no value of a label: at most 63 letters, digits, dashes, underscores and dots`;
  return problemWithKey(key, "label");
}

export function problemWithAnnotationKey(key: string): string | undefined {
  return problemWithKey(key, "annotation");
}

function problemWithKey(key: string, kind: string): string | undefined {
  const slash = key.indexOf("/");
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  const isGood = KEY.test(name) && (prefix === undefined || (prefix.length <= 253 && PREFIX.test(prefix)));
  return isGood ? undefined : `is no key of ${kind === "label" ? "a label" : "an annotation"}`;
}
