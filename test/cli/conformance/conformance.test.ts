import { type CheckResult, runChecks } from "../../../src/cli/conformance/conformanceRun";
import { ConformanceRegion } from "../../../src/cli/conformance/conformanceRegion";
import { codeFolder, removeCodeFolders } from "../../support/codeFolder";
import { CONFORMING } from "../../support/conformanceRuntime";
import { BASH_LOOP, nodeLoop } from "../../support/customRuntimes";

afterEach(removeCodeFolders);

/** Runs all checks, with few requests and little patience. */
async function check(bootstrap: string, requests = 20): Promise<Record<string, CheckResult>> {
  const code = codeFolder({ bootstrap: { text: bootstrap, mode: 0o755 } });
  const region = await ConformanceRegion.start({ code, onLog: () => undefined });
  const results: CheckResult[] = [];
  try {
    await runChecks(region, { requests, idleSeconds: 1 }, (result) => results.push(result));
  } finally {
    await region.remove();
  }
  return Object.fromEntries(results.map((result) => [result.check, result]));
}

function named(results: Record<string, CheckResult>, result: CheckResult["result"]): string[] {
  return Object.values(results)
    .filter((each) => each.result === result)
    .map((each) => each.check);
}

test("a runtime that can do everything passes everything", async () => {
  const results = await check(CONFORMING);
  expect(named(results, "failed")).toEqual([]);
  expect(named(results, "skipped")).toEqual([]);
  expect(named(results, "passed")).toEqual([
    "start",
    "answer",
    "echo",
    "binary",
    "5 MB event",
    "5 MB echo",
    "sequential",
    "at once",
    "parallel polls",
    "error",
    "late answer",
    "double answer",
    "idle",
    "drain",
    "end",
  ]);
});

test("a runtime that does not know the protocol takes part in what needs none", async () => {
  const results = await check(BASH_LOOP);
  expect(named(results, "failed")).toEqual([]);
  expect(named(results, "passed")).toEqual([
    "start",
    "answer",
    "5 MB event",
    "sequential",
    "at once",
    "idle",
    "drain",
    "end",
  ]);
  expect(results.echo).toMatchObject({ result: "skipped", detail: 'the function does not say that it can "echo"' });
});

test("a runtime that does not start fails, and nothing else is run", async () => {
  const results = await check("#!/bin/bash\nexit 1");
  expect(named(results, "failed")).toEqual(["start"]);
  expect(results.start.detail).toMatch(/500, InitFailed: the bootstrap exited with code 1/);
  expect(named(results, "passed")).toEqual([]);
});

test("a runtime that promises too much fails where it does not keep it", async () => {
  const results = await check(
    nodeLoop(`({ body }) => {
      if (body?.conformance === "describe") return { conformance: ["echo", "binary", "fail", "sleep", "parallel", "twice"] };
      return "wrong";
    }`),
  );
  expect(named(results, "failed")).toEqual([
    "echo",
    "binary",
    "5 MB echo",
    "sequential",
    "at once",
    "error",
    "late answer",
    "double answer",
  ]);
  expect(results.error.detail).toBe("status 200 and not 500");
});

test("a runtime that ignores SIGTERM, or ends after each event, fails", async () => {
  const stubborn = await check(BASH_LOOP.replace("set -o", 'trap "" TERM\nset -o'), 1);
  expect(stubborn.end).toMatchObject({ result: "failed", detail: expect.stringContaining("SIGKILL") as string });
  const once = await check(BASH_LOOP.replace(/done\n$/, "exit\ndone\n"), 1);
  expect(once.idle).toMatchObject({
    result: "failed",
    detail: expect.stringContaining("exited with code 0") as string,
  });
});
