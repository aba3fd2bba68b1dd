import pc from "picocolors";

import { problemWithParts } from "../../gateway/admin/requestParts";
import { UsageError } from "../errors";
import { printText, terminalText } from "../output/terminalText";
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
    const gateway = await regions.gatewayWith("function", name, ({ functions }) => functions.map((each) => each.name));
    const answer = await gateway.post<TesterAnswer>(`/functions/${name}/invoke`, parts);
    if (options.json === true) printText(JSON.stringify(answer, null, 2));
    else print(answer, gateway.label);
    if (answer.status >= 500) process.exitCode = 1;
  });
}

function print({ status, body, logs, duration }: TesterAnswer, region: string): void {
  const colour = status >= 500 ? pc.red : status >= 400 ? pc.yellow : pc.green;
  console.error(`${pc.dim(region)} ${colour(String(status))} ${duration} ms`);
  for (const { level, message } of logs) {
    const text = terminalText(message, process.stderr.isTTY);
    console.error(`  ${level === "error" ? pc.red(text) : pc.dim(text)}`);
  }
  if (body !== null) printText(typeof body === "string" ? body : JSON.stringify(body, null, 2));
}

async function requestParts({ data, file }: InvokeOptions): Promise<string> {
  if (data !== undefined && file !== undefined) throw new UsageError("Give either --data or --file.");
  const text = data ?? (file === undefined ? "{}" : (await readInput(file)).toString("utf8"));
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `${data === undefined ? file : "--data"} is not JSON: ${(error as Error).message}. ` +
        `Request parts look like {"ids": {"orderId": "1"}, "body": {}}.`,
    );
  }
  const problem = problemWithParts(parts);
  if (problem !== undefined) throw new UsageError(`${data === undefined ? file : "--data"}: ${problem}.`);
  return text;
}
