import { resolve } from "node:path";

import pc from "picocolors";

import { inspectCode } from "../../code/inspectCode";
import { ConformanceRegion } from "../conformance/conformanceRegion";
import { type CheckResult, runChecks } from "../conformance/conformanceRun";
import { CliError } from "../errors";
import { LogPrinter } from "../output/logLines";
import { table } from "../output/table";

export interface ConformanceOptions {
  handler?: string;
  /** Number of requests of the check that sends many. */
  requests: number;
  /** Seconds without requests of the check that waits. */
  idle: number;
  /** Prints what the function logs, to the standard error. */
  logs?: boolean;
  json?: boolean;
}

const COLOURS = { passed: pc.green, failed: pc.red, skipped: pc.yellow };

/** `fullcode conformance`: the exit code is 1 when a check fails. */
export async function conformance(code: string, options: ConformanceOptions): Promise<void> {
  const path = resolve(code);
  const inspected = inspectCode(path);
  if ("problem" in inspected) throw new CliError(inspected.problem);
  const logs = new LogPrinter((line) => console.error(line), process.stderr.isTTY);
  const region = await ConformanceRegion.start({
    code: path,
    handler: options.handler,
    onLog: (record) => {
      if (options.logs === true) logs.add(record);
    },
  });
  const results: CheckResult[] = [];
  const progress = options.json !== true && process.stderr.isTTY;
  try {
    await runChecks(region, { requests: options.requests, idleSeconds: options.idle }, (result) => {
      results.push(result);
      if (progress) process.stderr.write(`\r\x1b[K${results.length} checks, the last one: ${result.check}`);
    });
  } finally {
    if (progress) process.stderr.write("\r\x1b[K");
    await region.remove();
    logs.flush();
  }
  if (options.json === true) console.log(JSON.stringify(results, null, 2));
  else print(results);
  if (results.some(({ result }) => result === "failed")) process.exitCode = 1;
}

function print(results: readonly CheckResult[]): void {
  const rows = results.map(({ check, result, durationMs, detail }) => [
    check,
    result,
    result === "skipped" ? "" : `${durationMs} ms`,
    detail,
  ]);
  const lines = table([["CHECK", "RESULT", "TIME", ""], ...rows], (cell, column, row) =>
    column === 1 && row > 0 ? COLOURS[results[row - 1].result](cell) : cell,
  );
  for (const line of lines) console.log(line);
  const count = (result: CheckResult["result"]) => results.filter((each) => each.result === result).length;
  console.log(`\n${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
}
