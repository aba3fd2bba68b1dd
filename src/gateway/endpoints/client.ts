import { parse } from "useragent-ng";

import { type Client } from "../../link/messages";
import { deviceTypeOf } from "./deviceType";
import { RecentValues } from "./recentValues";

/** Longer ones are cut: nothing is gained from the rest, and matching takes time that a stranger would choose. */
const MAX_USER_AGENT_CHARACTERS = 512;
const GENERATION = 1_000;

export interface ParsedUserAgent {
  family: string;
  major: string;
  minor: string;
  patch: string;
  device: { family: string; major: string; minor: string; patch: string };
  os: { family: string; major: string; minor: string; patch: string };
}

const deviceTypes = new RecentValues<string>(GENERATION);
const parsed = new RecentValues<ParsedUserAgent>(GENERATION);

/** The `client` of a request. */
export function clientOf(ip: string, userAgent: string): Client {
  const known = cut(userAgent);
  let deviceType = deviceTypes.get(known);
  if (deviceType === undefined) {
    deviceType = deviceTypeOf(known);
    deviceTypes.set(known, deviceType);
  }
  return { ip, deviceType, userAgent };
}

/**
 * The `userAgent` of a session. Whoever has a session is known, so it may take the milliseconds that a stranger's request
 * must not.
 */
export function parseUserAgent(given: string): ParsedUserAgent {
  const userAgent = cut(given);
  const known = parsed.get(userAgent);
  if (known !== undefined) return known;
  const agent = parse(userAgent);
  const { family, major, minor, patch, device, os } = agent;
  const result: ParsedUserAgent = { family, major, minor, patch, device: versionOf(device), os: versionOf(os) };
  parsed.set(userAgent, result);
  return result;
}

/** A copy: V8 keeps the whole of a string as long as there is a slice of it. */
function cut(userAgent: string): string {
  if (userAgent.length <= MAX_USER_AGENT_CHARACTERS) return userAgent;
  return Buffer.from(userAgent.slice(0, MAX_USER_AGENT_CHARACTERS), "utf16le").toString("utf16le");
}

function versionOf(part: { family: string; major: string; minor: string; patch: string }) {
  return { family: part.family, major: part.major, minor: part.minor, patch: part.patch };
}
