import { guessedMediaType } from "../../gateway/queues/mediaType";
import { type RegionSelection, gatewayWith } from "../admin/runningGateways";
import { CliError } from "../errors";
import { readInput } from "../readInput";

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
  const gateway = await gatewayWith(options, `queue "${queue}"`, ({ queues }) =>
    queues.some((each) => each.queue === queue),
  );
  const contentType = options.contentType ?? guessedMediaType(body);
  const accepted = await gateway.post<{ id: string }>(`/queues/${queue}/messages`, body, contentType);
  console.log(options.json === true ? JSON.stringify(accepted) : accepted.id);
}
