import { once } from "node:events";

import { type ListedLetter } from "../../gateway/admin/deadLetterList";
import { cronQueueName } from "../../gateway/crons/cronQueueName";
import { type GatewayStatus } from "../../gateway/gatewayOptions";
import { type AdminClient } from "../admin/adminClient";
import { CliError, UsageError } from "../errors";
import { table } from "../output/table";
import { printText, terminalText } from "../output/terminalText";
import { warn } from "../output/warning";
import { askEach, notThere, type RegionSelection, type SelectedRegions, withRegions } from "../regions/regionSelection";

export interface QueueOptions extends RegionSelection {
  json?: boolean;
}

export interface QueueListOptions extends QueueOptions {
  /** Whole letters, a JSON record a line. */
  bodies?: boolean;
}

interface QueueCounts {
  queue: string;
  pending: number;
  inFlight: number;
  deadLetters: number;
}

interface QueueRow extends QueueCounts {
  region: string;
  /** What delivers its messages: `queue <name>`, `cron <name>`, or `none`. */
  trigger: string;
}

/** What the admin API says of dead letters that were settled. */
interface Settled {
  count: number;
  /** Those that were not redriven, since their bodies were cut. Gateways of earlier releases do not say. */
  cut?: number;
}

const MAX_BODY_SHOWN = 60;

/** `fullcode queue list`: counts of all queues, or the dead letters of one. */
export async function listQueues(queue: string | undefined, options: QueueListOptions): Promise<void> {
  if (queue === undefined && options.bodies === true)
    throw new UsageError("--bodies is about the dead letters of a queue: name the queue.");
  await withRegions(options, (regions) =>
    queue === undefined ? listCounts(regions, options) : listDeadLetters(queue, regions, options),
  );
}

/** `fullcode queue redrive` and `purge`: all dead letters of a queue, or those with the ids. */
export async function settleDeadLetters(
  action: "redrive" | "purge",
  queue: string,
  ids: string[],
  options: QueueOptions,
): Promise<void> {
  const body = JSON.stringify(ids.length > 0 ? { ids } : {});
  await withRegions(options, async (regions) => {
    const gateways = await gatewaysWithQueue(queue, regions);
    const counts = await askEach(gateways, async (gateway) => ({
      region: gateway.label,
      ...(await gateway.post<Settled>(`/queues/${queue}/${action}`, body)),
    }));
    if (ids.length > 0 && counts.every(({ count, cut = 0 }) => count + cut === 0))
      throw new CliError(
        `Queue "${queue}" has no dead letter with such an id; "fullcode queue list ${queue}" lists them.`,
      );
    printRows(counts, options, ["region", "count"]);
    for (const { region, cut = 0 } of counts) if (cut > 0) warnOfCut(region, queue, cut);
  });
}

/** What is left behind is named, since a script would take the letters for redriven. */
function warnOfCut(region: string, queue: string, cut: number): void {
  const which = cut === 1 ? "1 dead letter was" : `${cut} dead letters were`;
  warn(
    `Region ${region}: ${which} not redriven: only the beginning of the body was kept. Send the message anew, then ` +
      `"fullcode queue purge ${queue} <id>"; "fullcode queue list ${queue}" marks such letters as cut.`,
  );
  process.exitCode = 1;
}

async function listCounts(regions: SelectedRegions, options: QueueOptions): Promise<void> {
  const rows = await askEach(await regions.gateways(), queuesOf);
  printRows(rows.flat(), options, ["region", "queue", "trigger", "pending", "inFlight", "deadLetters"]);
}

async function listDeadLetters(queue: string, regions: SelectedRegions, options: QueueListOptions): Promise<void> {
  const gateways = await gatewaysWithQueue(queue, regions);
  if (options.bodies === true) return printWholeLetters(queue, gateways);
  const letters = await askEach(gateways, async (gateway) => {
    const listed: (ListedLetter & { region: string })[] = [];
    for await (const letter of gateway.stream<ListedLetter>(`/queues/${queue}/dead-letters`))
      listed.push({ region: gateway.label, ...letter });
    return listed;
  });
  const rows = letters.flat();
  if (options.json === true) return printText(JSON.stringify(rows, null, 2));
  printRows(
    rows.map((letter) => ({
      ...letter,
      deadAt: new Date(letter.deadAt).toISOString(),
      body: `${letter.uncutBytes === undefined ? "" : "(cut) "}${letter.body.slice(0, MAX_BODY_SHOWN)}`,
    })),
    options,
    ["region", "id", "deadAt", "attempts", "reason", "body"],
  );
}

/** Each as it comes: all together may be more than a string can be long. */
async function printWholeLetters(queue: string, gateways: readonly AdminClient[]): Promise<void> {
  await askEach(gateways, async (gateway) => {
    for await (const letter of gateway.stream<ListedLetter>(`/queues/${queue}/dead-letters?bodies=whole`)) {
      const line = terminalText(JSON.stringify({ region: gateway.label, ...letter }), process.stdout.isTTY);
      if (!process.stdout.write(line + "\n")) await once(process.stdout, "drain");
    }
  });
}

/** The queues of a region: those that triggers have, also before their first message, and others that hold messages. */
async function queuesOf(gateway: AdminClient): Promise<QueueRow[]> {
  const [{ queues, crons }, counts] = await Promise.all([
    gateway.get<GatewayStatus>("/status"),
    gateway.get<QueueCounts[]>("/queues"),
  ]);
  const triggers = new Map([
    ...queues.map(({ queue, name }) => [queue, `queue ${name}`] as const),
    ...crons.map(({ name }) => [cronQueueName(name), `cron ${name}`] as const),
  ]);
  const names = [...new Set([...triggers.keys(), ...counts.map(({ queue }) => queue)])].sort();
  return names.map((queue) => ({
    region: gateway.label,
    trigger: triggers.get(queue) ?? "none",
    ...(counts.find((each) => each.queue === queue) ?? { queue, pending: 0, inFlight: 0, deadLetters: 0 }),
  }));
}

/** @throws CliError when no region has the queue. */
async function gatewaysWithQueue(queue: string, regions: SelectedRegions): Promise<AdminClient[]> {
  const asked = await askEach(await regions.gateways(), async (gateway) => {
    const names = (await queuesOf(gateway)).map((each) => each.queue);
    return { gateway, names };
  });
  const having = asked.filter(({ names }) => names.includes(queue)).map(({ gateway }) => gateway);
  if (having.length > 0) return having;
  throw notThere(
    "queue",
    queue,
    asked.map(({ gateway: { label }, names }) => ({ label, names })),
  );
}

function printRows<Row extends object>(rows: Row[], { json }: QueueOptions, columns: (keyof Row & string)[]): void {
  if (json === true) return printText(JSON.stringify(rows, null, 2));
  const heads = columns.map((column) => column.replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase());
  for (const line of table([heads, ...rows.map((row) => columns.map((column) => String(row[column])))]))
    printText(line);
}
