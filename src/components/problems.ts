import { inspect } from "node:util";
import * as pulumi from "@pulumi/pulumi";

import { problemsWithNames } from "../platforms/argumentNames";
import { isLater } from "../platforms/later";
import { anyDocument } from "../spec";
import type { Document, DocumentInput } from "../spec/documentTypes";

/**
 * Collects what is wrong with a component's arguments, to report all of it in one error.
 *
 * Components are checked before they are registered: of one that is registered, the engine may report a problem of its
 * own first, such as a name that was given twice, and hide the others.
 */
export class Problems {
  private readonly found = new Set<string>();

  /** @param component - What the error begins with: `EndpointTrigger "get-order"`. */
  constructor(private readonly component: string) {}

  /** @param argument - Path of the argument: `scale.min`. */
  add(argument: string, message: string | undefined): void {
    if (message !== undefined) this.found.add(`${argument}: ${message}`);
  }

  /** Adds arguments that there are not. */
  checkNames(args: object | undefined, known: Readonly<Record<string, true>>, prefix = ""): void {
    for (const [argument, message] of problemsWithNames(args, known, prefix)) this.add(argument, message);
  }

  /**
   * Checks a document and fills in its defaults. What is wrong with it is added, under the names that the component's
   * arguments have.
   *
   * @param prefix - Put before arguments: `regions.eu-west.`.
   */
  checkDocument<Input extends DocumentInput>(
    input: Input,
    argumentNames: Readonly<Record<string, string>> = {},
    prefix = "",
  ): Extract<Document, { kind: Input["kind"] }> | undefined {
    const result = anyDocument.safeParse(input);
    if (result.success) return result.data as Extract<Document, { kind: Input["kind"] }>;
    for (const { path, message } of result.error.issues) {
      const field = path.join(".");
      this.add(prefix + (argumentNames[field] ?? field), message);
    }
    return undefined;
  }

  /** @throws ResourceError with everything that was found, if anything was. */
  throwIfAny(): void {
    if (this.found.size === 0) return;
    const message = `${this.component}: ${[...this.found].join("; ")}`;
    throw new pulumi.ResourceError(message, undefined, true);
  }
}

type Component = "ServerlessApp" | "Environment" | "FullCodeFunction";

/**
 * Checks that an argument is a component of this library, before anything is asked of it.
 *
 * @param component - What the error begins with.
 * @throws ResourceError for anything else, as in a program that no compiler has checked.
 */
export function requireComponent(component: string, argument: string, value: unknown, kind: Component): void {
  const type = (value as { __pulumiType?: unknown } | null | undefined)?.__pulumiType;
  if (type === `fullcode:index:${kind}`) return;
  const given = typeof type === "string" ? `a ${type}` : inspect(value, { depth: 0 });
  throw new pulumi.ResourceError(
    `${component}: ${argument}: must be ${kind === "Environment" ? "an" : "a"} ${kind}, not ${given}`,
    undefined,
    true,
  );
}

/** Says what is wrong with a value that has to be a plain one, since it is needed before anything is deployed. */
export function problemWithOutput(value: unknown): string | undefined {
  return isLater(value) ? "must be a plain value, not an Output: it is needed before anything is deployed" : undefined;
}

export function problemWithUnknownRegion(region: string, known: Iterable<string>): string {
  const names = [...known].map((name) => `"${name}"`).join(", ");
  return `there is no region "${region}"; ${names === "" ? "there are none" : `there are ${names}`}`;
}
