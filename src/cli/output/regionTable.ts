import pc from "picocolors";

import { parseSchedule, type RouteDocument } from "../../spec";
import { type LocalRegion, type RegionDocuments } from "../regions/regionFolders";
import { table } from "./table";

/** What a region offers, for people: each endpoint and queue with a line to paste into a shell, each cron's next firing. */
export function regionTable(region: LocalRegion, documents: RegionDocuments, url: string, now = new Date()): string[] {
  const rows = [
    ...documents.routes
      .toSorted((a, b) => a.path.localeCompare(b.path) || a.method.localeCompare(b.method))
      .map((route) => [route.method, route.path, route.function, curlOf(route, url)]),
    ...documents.queues.map(({ queue, function: name }) => ["queue", queue, name, curlOfQueue(queue, url)]),
    ...documents.crons.map((cron) => [
      "cron",
      `${cron.schedule} ${cron.timezone}`,
      cron.function,
      nextFiring(cron.schedule, cron.timezone, now),
    ]),
  ].map(([kind = "", subject = "", name = "", hint = ""]) => [kind, subject, `→ ${name}`, hint]);
  const styles = [pc.cyan, String, String, pc.dim];
  const lines = table(rows, (cell, column) => styles[column]?.(cell) ?? cell);
  return [`${pc.bold(region.label)}  ${pc.underline(url)}`, ...lines.map((line) => `  ${line}`)];
}

/** What about a region probably is a mistake. */
export function regionWarnings(region: LocalRegion, documents: RegionDocuments): string[] {
  const { functions, routes, queues, crons } = documents;
  if (functions.length === 0) return [`Region ${region.label} has no functions: nothing will run there.`];
  const triggered = new Set([...routes, ...queues, ...crons].map((trigger) => trigger.function));
  const idle = functions.filter(({ name }) => !triggered.has(name)).map(({ name }) => `"${name}"`);
  if (idle.length === 0) return [];
  const [subject, pronoun] = idle.length === 1 ? ["Function", "it"] : ["Functions", "they"];
  return [
    `${subject} ${idle.join(", ")} of region ${region.label} has no trigger: ${pronoun} can be run by "fullcode invoke" only.`,
  ];
}

/** Methods that curl uses without being told. */
const IMPLIED = new Set<RouteDocument["method"]>(["GET", "ANY", "POST"]);

function curlOf({ method, path, session }: RouteDocument, url: string): string {
  const example = path.replace(/:[^/]+/g, "1").replace(/\*$/, "x");
  const options = [
    ...(IMPLIED.has(method) ? [] : method === "HEAD" ? ["-I"] : [`-X ${method}`]),
    ...(session === "required" ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(["POST", "PUT", "PATCH"].includes(method) ? [JSON_BODY] : []),
  ];
  return ["curl", ...options, `${url}${example}`].join(" ");
}

const JSON_BODY = "-H 'content-type: application/json' -d '{}'";

function curlOfQueue(queue: string, url: string): string {
  return `curl ${JSON_BODY} ${url}/queues/${queue}`;
}

function nextFiring(schedule: string, timezone: string, now: Date): string {
  const next = parseSchedule(schedule, timezone).nextRun(now);
  return next === null ? "never fires again" : `next ${next.toISOString().replace(".000Z", "Z")}`;
}
