import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A row: `name`, `ours`, `baseline`, `ratio` and `bar`, the largest ratio that is good enough. Where a bar is
 * no ratio, `barOf` names the field that it is compared with: `ours`, or `difference`. A row without a bar is there to be looked at.
 */
export function judge(row) {
  if (row.bar === undefined) return { ...row, ok: null };
  return { ...row, ok: row[row.barOf ?? "ratio"] <= row.bar };
}

export function printTable(rows) {
  const cells = rows.map((row) => [
    row.name,
    format(row.ours),
    format(row.baseline),
    row.unit,
    format(row.ratio),
    barText(row),
    row.ok === null ? "" : row.ok ? "ok" : "MISSED",
  ]);
  printColumns([["", "ours", "baseline", "unit", "ratio", "bar", ""], ...cells]);
}

/** What the contenders did beside the figure that is judged. */
export function printDetails(rows) {
  const lines = [["", "CPU µs", "requests/s", "p50 ms", "p99 ms"]];
  for (const row of rows)
    for (const [contender, each] of Object.entries(row.details ?? {})) {
      const title = `${row.name.split(":")[0]}: ${contender}`;
      if (lines.some(([name]) => name === title)) continue;
      lines.push([title, ...[each.cpuMicroseconds, each.perSecond, each.p50Ms, each.p99Ms].map(format)]);
    }
  if (lines.length > 1) printColumns(lines);
}

export async function writeResults(folder, environment, rows) {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${environment.time.replaceAll(":", "-")}.json`);
  await writeFile(file, JSON.stringify({ environment, rows }, undefined, 2) + "\n");
  return file;
}

function printColumns(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  for (const line of lines) console.log(line.map(pad).join("  ").trimEnd());
  console.log();
}

function barText({ bar, barOf, unit }) {
  if (bar === undefined) return "";
  if (barOf === undefined) return `≤ ${bar}`;
  return barOf === "difference" ? `≤ ${bar} ${unit} more` : `≤ ${bar} ${unit}`;
}

function format(value) {
  if (value === undefined) return "";
  if (value >= 1000) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
