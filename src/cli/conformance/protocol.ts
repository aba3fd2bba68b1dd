import { isDeepStrictEqual } from "node:util";

import { type Answer, type ConformanceRegion, type Variant } from "./conformanceRegion";

/** What a package may be able to do when an event's body asks for it; docs/guide/custom-runtimes.md has the details. */
export const ABILITIES = ["echo", "binary", "fail", "sleep", "parallel", "twice"] as const;
export type Ability = (typeof ABILITIES)[number];

/** A check found that a runtime does not do what it has to; the message says what it did. */
export class CheckFailure extends Error {}

/** Asks the package what it can do; one that does not know the protocol can do nothing, and answers all the same. */
export async function askAbilities(region: ConformanceRegion): Promise<ReadonlySet<Ability>> {
  const answer = await region.call("single", { conformance: "describe" });
  requireValid(answer);
  const { conformance } = (parse(answer.body) ?? {}) as { conformance?: unknown };
  if (!Array.isArray(conformance)) return new Set();
  const unknown = conformance.filter((each) => !ABILITIES.includes(each as Ability));
  if (unknown.length > 0)
    throw new CheckFailure(`it lists ${JSON.stringify(unknown)}; the abilities are ${ABILITIES.join(", ")}`);
  return new Set(conformance as Ability[]);
}

/** Asks for an echo and compares it. */
export async function requireEcho(region: ConformanceRegion, payload: unknown, variant: Variant = "single") {
  const answer = await region.call(variant, { conformance: "echo", payload });
  requireValid(answer);
  if (!isDeepStrictEqual(parse(answer.body), payload))
    throw new CheckFailure(`${shorten(JSON.stringify(payload))} came back as ${shorten(answer.body.toString("utf8"))}`);
}

/** Any answer that the platform did not have to give itself. */
export function requireValid(answer: Answer): void {
  if (answer.status < 500) return;
  const { errorType, errorMessage } = (parse(answer.body) ?? {}) as { errorType?: string; errorMessage?: string };
  throw new CheckFailure(`status ${answer.status}${errorType === undefined ? "" : `, ${errorType}: ${errorMessage}`}`);
}

export function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
