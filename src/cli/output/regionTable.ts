import pc from "picocolors";

import { parseSchedule } from "../../spec";
import { type LocalRegion, type RegionDocuments } from "../regions/regionFolders";
import { curlOfEndpoint, curlOfQueue } from "./curl";
import { table } from "./table";

/** What a region offers, for people: each endpoint and queue with a line to paste into a shell, each cron's next firing. */
export function regionTable(region: LocalRegion, documents: RegionDocuments, url: string, now = new Date()): string[] {
  const rows = [
    ...documents.routes
      .toSorted((a, b) => a.path.localeCompare(b.path) || a.method.localeCompare(b.method))
      .map((route) => [route.method, route.path, route.function, curlOfEndpoint(route, url)]),
    ...documents.queues.map((queue) => ["queue", queue.queue, queue.function, curlOfQueue(queue, url)]),
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

/** What about a region probably is a mistake. That it has no functions or no triggers at all, its gateway says. */
export function regionWarnings(region: LocalRegion, documents: RegionDocuments): string[] {
  const { functions, routes, queues, crons } = documents;
  const triggered = new Set([...routes, ...queues, ...crons].map((trigger) => trigger.function));
  const idle = functions.filter(({ name }) => !triggered.has(name)).map(({ name }) => `"${name}"`);
  if (triggered.size === 0 || idle.length === 0) return [];
  const [subject, has, pronoun] = idle.length === 1 ? ["Function", "has", "it"] : ["Functions", "have", "they"];
  return [
    `${subject} ${idle.join(", ")} of region ${region.label} ${has} no trigger: ${pronoun} can be run by "fullcode invoke" only.`,
  ];
}

function nextFiring(schedule: string, timezone: string, now: Date): string {
  const next = parseSchedule(schedule, timezone).nextRun(now);
  return next === null ? "never fires again" : `next ${next.toISOString().replace(".000Z", "Z")}`;
}
