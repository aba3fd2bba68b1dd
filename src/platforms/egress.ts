import { BlockList, isIP } from "node:net";

import { type ArgumentNames, problemsWithNames } from "./argumentNames";

/** Where connections may go to. Give either `cidr` or `namespace`. */
export interface EgressTarget {
  /** Range of addresses: `10.20.0.0/16`, `2001:db8::/32`; a single address is `10.20.0.7/32`. */
  cidr?: string;
  /**
   * Ranges within `cidr` that stay closed.
   * @default none
   */
  except?: readonly string[];
  /** Namespace of the same cluster. */
  namespace?: string;
  /**
   * Labels of the pods in `namespace`.
   * @default all of its pods
   */
  podLabels?: Readonly<Record<string, string>>;
  /**
   * Ports, 1 to 65535, at least one. In a cluster they are those of the pods, which may differ from their Service's.
   * @default all ports
   */
  ports?: readonly number[];
  /**
   * Protocol of `ports`.
   * @default "TCP"
   */
  protocol?: "TCP" | "UDP" | "SCTP";
}

/** One target, or `internet`: every address that is public, at any port. */
export type EgressRule = "internet" | EgressTarget;

const NAMES: ArgumentNames<EgressTarget> = {
  cidr: true,
  except: true,
  namespace: true,
  podLabels: true,
  ports: true,
  protocol: true,
};
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const PROTOCOLS: readonly unknown[] = ["TCP", "UDP", "SCTP"];

/** Says what is wrong with rules: path below them (`[0].cidr`), message. */
export function problemsWithEgress(rules: readonly EgressRule[] | undefined): [path: string, message: string][] {
  if (rules === undefined) return [];
  if (!Array.isArray(rules)) return [["", 'must be a list of rules, such as ["internet"]']];
  return rules.flatMap((rule: unknown, index) =>
    problemsWithRule(rule).map(([field, message]): [string, string] => [
      `[${index}]${field === "" ? "" : "."}${field}`,
      message,
    ]),
  );
}

function problemsWithRule(rule: unknown): [field: string, message: string][] {
  if (rule === "internet") return [];
  if (typeof rule !== "object" || rule === null)
    return [["", `must be "internet" or an object with \`cidr\` or \`namespace\`, not ${JSON.stringify(rule)}`]];
  const { cidr, except, namespace, podLabels, ports, protocol } = rule as EgressTarget;
  const problems: [string, string][] = problemsWithNames(rule, NAMES).map(([field, message]) => [field, message]);
  if ((cidr === undefined) === (namespace === undefined)) problems.push(["", "needs either `cidr` or `namespace`"]);
  if (cidr !== undefined && !isCidr(cidr)) problems.push(["cidr", notARange(cidr)]);
  if (except !== undefined && cidr === undefined) problems.push(["except", "needs `cidr`"]);
  const listOf = <Each>(field: string, value: readonly Each[] | undefined): readonly Each[] => {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value as readonly Each[];
    problems.push([field, `must be a list, not ${JSON.stringify(value)}`]);
    return [];
  };
  listOf("except", except).forEach((range, index) => {
    if (!isCidr(range)) problems.push([`except[${index}]`, notARange(range)]);
    else if (isCidr(cidr) && !isWithin(range, cidr!))
      problems.push([`except[${index}]`, `"${range}" is not within "${cidr}"`]);
  });
  if (namespace !== undefined && !NAMESPACE.test(namespace))
    problems.push(["namespace", `"${namespace}" is no name of a namespace`]);
  if (podLabels !== undefined && namespace === undefined) problems.push(["podLabels", "need `namespace`"]);
  if (ports?.length === 0) problems.push(["ports", "must not be empty: leave it out for all ports"]);
  listOf("ports", ports).forEach((port, index) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      problems.push([`ports[${index}]`, `must be a whole number from 1 to 65535, not ${String(port)}`]);
  });
  if (protocol !== undefined && !PROTOCOLS.includes(protocol))
    problems.push(["protocol", `must be "TCP", "UDP" or "SCTP", not ${JSON.stringify(protocol)}`]);
  if (protocol !== undefined && ports === undefined) problems.push(["protocol", "needs `ports`"]);
  return problems;
}

function isCidr(range: unknown): boolean {
  const [, address = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(String(range)) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Whether a range is a part of another one, and not all of it. */
function isWithin(range: string, outer: string): boolean {
  const [[address, bits], [outerAddress, outerBits]] = [range.split("/"), outer.split("/")];
  const family = (text: string) => (isIP(text) === 4 ? "ipv4" : "ipv6");
  if (family(address) !== family(outerAddress) || Number(bits) <= Number(outerBits)) return false;
  const list = new BlockList();
  list.addSubnet(outerAddress, Number(outerBits), family(outerAddress));
  return list.check(address, family(address));
}

function notARange(range: unknown): string {
  return `"${String(range)}" is no range of addresses such as "10.20.0.0/16"`;
}
