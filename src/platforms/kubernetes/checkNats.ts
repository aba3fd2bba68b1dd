import { natsServers } from "../../spec/natsServers";
import { isLater } from "../later";
import type { ExternalNatsArgs, NatsArgs, NatsCredentialsArgs } from "./natsArgs";
import { type ArgumentProblems, isObjectName } from "./problems";
import { parseStorage } from "./quantities";

const SERVER = /^(?:nats|tls):\/\/[^\s/,@?#]+$/;
const WAYS = ["user", "token", "creds"] as const;
const MIN_MEMORY_MIB = 64;

export function isExternalNats(nats: NatsArgs | ExternalNatsArgs | undefined): nats is ExternalNatsArgs {
  return nats !== undefined && "url" in nats;
}

export function checkNats(nats: NatsArgs | ExternalNatsArgs | undefined, problems: ArgumentProblems): void {
  if (nats === undefined) return;
  if (isExternalNats(nats)) return checkExternal(nats, problems);
  problems.image("nats.image", nats.image);
  problems.oneOf("nats.replicas", nats.replicas, [1, 3]);
  if (nats.storage !== undefined && parseStorage(nats.storage) === undefined)
    problems.add("nats.storage", `"${String(nats.storage)}" is no size such as "10Gi" (Mi, Gi, Ti)`);
  if (nats.storageClass !== undefined && !isObjectName(nats.storageClass))
    problems.add("nats.storageClass", `"${String(nats.storageClass)}" is no name of a StorageClass`);
  problems.wholeNumber("nats.memory", nats.memory, MIN_MEMORY_MIB, 1024 * 1024);
}

function checkExternal(nats: ExternalNatsArgs, problems: ArgumentProblems): void {
  for (const own of ["image", "storage", "storageClass", "memory"] as const)
    if ((nats as NatsArgs)[own] !== undefined)
      problems.add(`nats.${own}`, "belongs to a NATS of the region's own: leave it or `url` out");
  problems.add("nats.url", problemWithUrl(nats.url));
  problems.wholeNumber("nats.replicas", nats.replicas, 1, 5);
  checkCredentials(nats.credentials ?? {}, problems);
}

function problemWithUrl(url: unknown): string | undefined {
  if (typeof url !== "string" || url === "") return 'must be a plain string such as "nats://nats.example.com:4222"';
  if (url.includes("@")) return "must not have credentials in it: give them as `nats.credentials`";
  const wrong = url.split(",").find((server) => !SERVER.test(server.trim()));
  if (wrong !== undefined) return `"${wrong}" is no server such as "nats://nats.example.com:4222"`;
  try {
    natsServers(url);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function checkCredentials(credentials: NatsCredentialsArgs, problems: ArgumentProblems): void {
  const given = WAYS.filter((way) => credentials[way] !== undefined);
  if (given.length > 1)
    problems.add(
      "nats.credentials",
      `has ${given.map((way) => `\`${way}\``).join(" and ")}: one way to log in is enough`,
    );
  if ((credentials.user === undefined) !== (credentials.password === undefined))
    problems.add("nats.credentials", "needs both `user` and `password`, or neither");
  for (const [field, value] of Object.entries(credentials)) {
    if (value !== undefined && !isLater(value) && (typeof value !== "string" || value === ""))
      problems.add(`nats.credentials.${field}`, "must be a string that is not empty");
  }
}
