import { inspect } from "node:util";

import { problemWithImage } from "../images";

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A name of a namespace: a DNS label (RFC 1123). */
export function isNamespace(name: unknown): boolean {
  return typeof name === "string" && LABEL.test(name);
}

/** A name of most other objects: a DNS subdomain (RFC 1123). */
export function isObjectName(name: unknown): boolean {
  return typeof name === "string" && name.length <= 253 && name.split(".").every((label) => LABEL.test(label));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Collects what is wrong with a platform's arguments. */
export class ArgumentProblems {
  readonly found: (readonly [argument: string, message: string])[] = [];

  add(argument: string, message: string | undefined): void {
    if (message !== undefined) this.found.push([argument, message]);
  }

  /** A plain text that is not empty, if it is given. */
  text(argument: string, value: unknown): void {
    if (value === undefined) return;
    if (typeof value !== "string" || value === "") this.add(argument, "must be a plain string that is not empty");
  }

  /** Strings by name, if they are given. */
  texts(argument: string, value: unknown): void {
    if (value === undefined) return;
    if (!isObject(value)) return this.add(argument, `must be an object of strings, not ${inspect(value)}`);
    for (const [key, each] of Object.entries(value))
      if (typeof each !== "string") this.add(`${argument}["${key}"]`, `must be a string, not ${inspect(each)}`);
  }

  /** @returns whether it is given, and an object as it has to be. */
  object(argument: string, value: unknown): boolean {
    if (value !== undefined && !isObject(value)) this.add(argument, `must be an object, not ${inspect(value)}`);
    return isObject(value);
  }

  /** @returns its elements, none where it is not given or no list. */
  list<Each>(argument: string, value: readonly Each[] | undefined): readonly Each[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value as readonly Each[];
    this.add(argument, `must be a list, not ${inspect(value)}`);
    return [];
  }

  boolean(argument: string, value: unknown): void {
    if (value !== undefined && typeof value !== "boolean")
      this.add(argument, `must be true or false, not ${inspect(value)}`);
  }

  image(argument: string, value: unknown): void {
    if (value !== undefined) this.add(argument, problemWithImage(value));
  }

  wholeNumber(argument: string, value: unknown, min: number, max: number): void {
    if (value === undefined || (Number.isInteger(value) && Number(value) >= min && Number(value) <= max)) return;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    this.add(argument, `must be a whole number ${range}, not ${inspect(value)}`);
  }

  number(argument: string, value: unknown, min: number, max: number): void {
    if (value === undefined || (typeof value === "number" && value >= min && value <= max)) return;
    this.add(argument, `must be a number from ${min} to ${max}, not ${inspect(value)}`);
  }

  oneOf(argument: string, value: unknown, values: readonly unknown[]): void {
    if (value === undefined || values.includes(value)) return;
    const known = values.map((each) => JSON.stringify(each)).join(" or ");
    this.add(argument, `must be ${known}, not ${JSON.stringify(value)}`);
  }
}
