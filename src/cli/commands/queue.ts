import { type RegionSelection, runningGateways } from "../admin/runningGateways";
import { CliError } from "../errors";
import { table } from "../output/table";

export interface QueueOptions extends RegionSelection {
  json?: boolean;
}

interface QueueCounts {
  queue: string;
  pending: number;
  inFlight: number;
  deadLetters: number;
}

interface DeadLetter {
  id: string;
  attempts: number;
  reason: string;
  deadAt: number;
  body: string;
}

const MAX_BODY_SHOWN = 60;

/** `fullcode queue list`: counts of all queues, or the dead letters of one. */
export async function listQueues(queue: string | undefined, options: QueueOptions): Promise<void> {
  const gateways = await runningGateways(options);
  if (queue === undefined) {
    const rows = await Promise.all(
      gateways.map(async (gateway) =>
        (await gateway.get<QueueCounts[]>("/queues")).map((counts) => ({ region: gateway.region.label, ...counts })),
      ),
    );
    printRows(rows.flat(), options, ["region", "queue", "pending", "inFlight", "deadLetters"]);
    return;
  }
  const letters = await Promise.all(
    gateways.map(async (gateway) =>
      (await gateway.get<DeadLetter[]>(`/queues/${queue}/dead-letters`)).map((letter) => ({
        region: gateway.region.label,
        ...letter,
      })),
    ),
  );
  const rows = letters.flat();
  if (options.json === true) console.log(JSON.stringify(rows, null, 2));
  else
    printRows(
      rows.map((letter) => ({
        ...letter,
        deadAt: new Date(letter.deadAt).toISOString(),
        body: letter.body.slice(0, MAX_BODY_SHOWN),
      })),
      options,
      ["region", "id", "deadAt", "attempts", "reason", "body"],
    );
}

/** `fullcode queue redrive` and `purge`: all dead letters of a queue, or those with the ids. */
export async function settleDeadLetters(
  action: "redrive" | "purge",
  queue: string,
  ids: string[],
  options: QueueOptions,
): Promise<void> {
  const gateways = await runningGateways(options);
  const body = JSON.stringify(ids.length > 0 ? { ids } : {});
  const counts = await Promise.all(
    gateways.map(async (gateway) => ({
      region: gateway.region.label,
      ...(await gateway.post<{ count: number }>(`/queues/${queue}/${action}`, body)),
    })),
  );
  if (ids.length > 0 && counts.every(({ count }) => count === 0))
    throw new CliError(
      `Queue "${queue}" has no dead letter with such an id; "fullcode queue list ${queue}" lists them.`,
    );
  printRows(counts, options, ["region", "count"]);
}

function printRows<Row extends object>(rows: Row[], { json }: QueueOptions, columns: (keyof Row & string)[]): void {
  if (json === true) return console.log(JSON.stringify(rows, null, 2));
  const heads = columns.map((column) => column.replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase());
  for (const line of table([heads, ...rows.map((row) => columns.map((column) => String(row[column])))]))
    console.log(line);
}
