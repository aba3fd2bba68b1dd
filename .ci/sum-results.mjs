// Prints what failed in both runs of Jest, and "N passed, N failed, N skipped". A suite on clusters that could not run
// counts as one skipped test, and a run that was ended before it could write its results as one failed test.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** The reason comes first, frames of stacks after it. */
const LINES_OF_A_REASON = 12;

const [folder, cluster] = process.argv.slice(2);
const sum = { passed: 0, failed: 0, skipped: 0 };

function add(file) {
  const path = join(folder, file);
  if (!existsSync(path)) {
    console.log(`${file} was not written: that run did not come to its end`);
    sum.failed++;
    return;
  }
  const results = JSON.parse(readFileSync(path, "utf8"));
  sum.passed += results.numPassedTests;
  // a suite that does not load has no tests
  sum.failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  sum.skipped += results.numPendingTests;
  for (const suite of results.testResults) printFailures(suite);
}

function printFailures({ name, status, message, assertionResults }) {
  if (status !== "failed") return;
  const failed = assertionResults.filter((test) => test.status === "failed");
  const suite = relative(process.cwd(), name);
  if (failed.length === 0) print(suite, message);
  for (const test of failed) print(`${suite}: ${test.fullName}`, test.failureMessages.join("\n"));
}

function print(what, reason) {
  console.log(`FAILED ${what}`);
  const lines = stripVTControlCharacters(reason).split("\n");
  for (const line of lines.filter((line) => line.trim() !== "").slice(0, LINES_OF_A_REASON)) console.log(`    ${line}`);
}

add("fast.json");
if (cluster === "skipped")
  sum.skipped += readdirSync("test/cluster").filter((name) => name.endsWith(".test.ts")).length;
else add("cluster.json");
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
