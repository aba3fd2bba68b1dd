import { cronQueueName } from "../../gateway/crons/cronQueueName";
import { guessedMediaType } from "../../gateway/queues/mediaType";
import { CliError, UsageError } from "../errors";
import { readInput } from "../readInput";
import { type RegionSelection, withRegions } from "../regions/regionSelection";

export interface SendOptions extends RegionSelection {
  /** File with the message; `-` is the standard input. */
  file?: string;
  contentType?: string;
  json?: boolean;
}

/** `fullcode send`: prints the message's id once it is kept. */
export async function send(queue: string, message: string | undefined, options: SendOptions): Promise<void> {
  if ((message === undefined) === (options.file === undefined))
    throw new UsageError("Give either a message or --file, e.g.: fullcode send orders '{\"id\": 1}'");
  const body = message === undefined ? await readInput(options.file!) : Buffer.from(message);
  const contentType = options.contentType ?? guessedMediaType(body);
  await withRegions(options, async (regions) => {
    const gateway = await regions.gatewayWith("queue", queue, ({ queues, crons }) => {
      const cron = crons.find(({ name }) => cronQueueName(name) === queue);
      if (cron !== undefined) throw firingsOnly(queue, cron.name, cron.function);
      return queues.map((each) => each.queue);
    });
    const accepted = await gateway.post<{ id: string }>(`/queues/${queue}/messages`, body, contentType);
    console.log(options.json === true ? JSON.stringify(accepted) : accepted.id);
  });
}

/** A queue that `queue list` shows, so somebody may well try. */
function firingsOnly(queue: string, cron: string, functionName: string): CliError {
  return new CliError(
    `Queue "${queue}" holds the firings of schedule "${cron}" and takes no messages. To run its function now: ` +
      `"fullcode invoke ${functionName}".`,
  );
}
