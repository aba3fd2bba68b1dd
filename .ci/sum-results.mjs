// Prints "N passed, N failed, N skipped" of both runs of Jest. A suite on clusters that could not run counts as one
// skipped test, and a run that was ended before it could write its results as one failed test.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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
}

add("fast.json");
if (cluster === "skipped")
  sum.skipped += readdirSync("test/cluster").filter((name) => name.endsWith(".test.ts")).length;
else add("cluster.json");
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
