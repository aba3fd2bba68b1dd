import { guessedMediaType } from "../../gateway/queues/mediaType";
import { CliError } from "../errors";
import { readInput } from "../readInput";
import { type RegionSelection, withRegions } from "../regions/regionSelection";

export interface SendOptions extends RegionSelection {
  /** File with the message; `-` is the standard input. */
  file?: string;
  contentType?: string;
  json?: boolean;
}

/** `fullcode send`: prints the message's id once it is on disk. */
export async function send(queue: string, message: string | undefined, options: SendOptions): Promise<void> {
  if ((message === undefined) === (options.file === undefined))
    throw new CliError("Give either a message or --file, e.g.: fullcode send orders '{\"id\": 1}'");
  const body = message === undefined ? await readInput(options.file!) : Buffer.from(message);
  const contentType = options.contentType ?? guessedMediaType(body);
  await withRegions(options, async (regions) => {
    const gateway = await regions.gatewayWith(`queue "${queue}"`, ({ queues }) =>
      queues.some((each) => each.queue === queue),
    );
    const accepted = await gateway.post<{ id: string }>(`/queues/${queue}/messages`, body, contentType);
    console.log(options.json === true ? JSON.stringify(accepted) : accepted.id);
  });
}
