import pc from "picocolors";

import { CliError } from "../errors";
import { readInput } from "../readInput";
import { type RegionSelection, withRegions } from "../regions/regionSelection";

export interface InvokeOptions extends RegionSelection {
  /** Request parts as JSON. */
  data?: string;
  /** File with request parts; `-` is the standard input. */
  file?: string;
  json?: boolean;
}

/** What a tester's invocation gives. */
interface TesterAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: unknown;
  logs: { level: string; time: number; message: string }[];
  duration: number;
}

/** `fullcode invoke`: the body goes to the standard output, what the handler logged to the standard error. */
export async function invoke(name: string, options: InvokeOptions): Promise<void> {
  const parts = await requestParts(options);
  await withRegions(options, async (regions) => {
    const gateway = await regions.gatewayWith(`function "${name}"`, ({ functions }) =>
      functions.some((each) => each.name === name),
    );
    const answer = await gateway.post<TesterAnswer>(`/functions/${name}/invoke`, parts);
    if (options.json === true) console.log(JSON.stringify(answer, null, 2));
    else print(answer, gateway.label);
    if (answer.status >= 500) process.exitCode = 1;
  });
}

function print({ status, body, logs, duration }: TesterAnswer, region: string): void {
  const colour = status >= 500 ? pc.red : status >= 400 ? pc.yellow : pc.green;
  console.error(`${pc.dim(region)} ${colour(String(status))} ${duration} ms`);
  for (const { level, message } of logs) console.error(`  ${level === "error" ? pc.red(message) : pc.dim(message)}`);
  if (body !== null) console.log(typeof body === "string" ? body : JSON.stringify(body, null, 2));
}

async function requestParts({ data, file }: InvokeOptions): Promise<string> {
  const text = data ?? (file === undefined ? "{}" : (await readInput(file)).toString("utf8"));
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new CliError(
      `${data === undefined ? file : "--data"} is not JSON: ${(error as Error).message}. ` +
        `Request parts look like {"ids": {"orderId": "1"}, "body": {}}.`,
    );
  }
}
