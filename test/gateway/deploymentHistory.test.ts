import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Deployment, DeploymentHistory } from "../../src/gateway/deploymentHistory";
import { type FunctionDocument } from "../../src/spec";
import { temporaryFolder } from "../support/temporaryFolder";

const folder = temporaryFolder();
const file = () => join(folder(), "deployments.jsonl");
const of = (name: string, version: string) => ({ name, version }) as FunctionDocument;

/** Function, version and status of each line. */
async function lines(): Promise<string[]> {
  const text = await readFile(file(), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Deployment)
    .map(({ function: name, version, status, error = "" }) => `${name} ${version} ${status} ${error}`.trim());
}

/** What one gateway records between its start and its end. */
async function record(entries: (history: DeploymentHistory) => void): Promise<void> {
  const history = new DeploymentHistory(file());
  entries(history);
  await history.close();
}

test("a gateway that starts again deploys nothing new", async () => {
  await record((history) => {
    history.deployed(of("a", "1"));
    history.deployed(of("b", "1"));
  });
  await record((history) => {
    history.deployed(of("a", "1"));
    history.deployed(of("b", "2"));
  });
  expect(await lines()).toEqual(["a 1 deployed", "b 1 deployed", "b 2 deployed"]);
});

test("an earlier version is deployed again, and a failure is recorded once for each version", async () => {
  await record((history) => {
    history.deployed(of("a", "1"));
    history.deployed(of("a", "2"));
    history.failed(of("a", "2"), "3 instances in a row ended");
    history.failed(of("a", "2"), "4 instances in a row ended");
  });
  await record((history) => {
    history.deployed(of("a", "2"));
    history.failed(of("a", "2"), "3 instances in a row ended");
    history.deployed(of("a", "1"));
    history.failed(of("a", "1"), "no handler");
  });
  expect(await lines()).toEqual([
    "a 1 deployed",
    "a 2 deployed",
    "a 2 failed 3 instances in a row ended",
    "a 1 deployed",
    "a 1 failed no handler",
  ]);
});

test("a line that was half written does not count", async () => {
  await writeFile(file(), '{"function":"a","version":"1","status":"deployed"}\n{"function":"a","ver\n');
  await record((history) => history.deployed(of("a", "1")));
  expect((await readFile(file(), "utf8")).split("\n")).toHaveLength(3);
});

test("the newest lines are kept, each of a length that has an end", async () => {
  await record((history) => {
    for (let i = 0; i < 2_500; i++) history.failed(of("a", String(i)), "x".repeat(10_000));
  });
  const kept = await lines();
  expect(kept.length).toBeLessThanOrEqual(2_000);
  expect(kept.length).toBeGreaterThanOrEqual(1_000);
  expect(kept.at(-1)).toMatch(/^a 2499 failed x{500}$/);
  await record((history) => history.failed(of("a", "2499"), "again"));
  expect(await lines()).toEqual(kept);
});

test("all lists what earlier gateways and this one have deployed, oldest first", async () => {
  const history = new DeploymentHistory(file());
  expect(await history.all()).toEqual([]);
  history.deployed(of("a", "1"));
  history.failed(of("a", "1"), "no handler");
  const expected = [
    { time: expect.any(Number) as number, function: "a", version: "1", status: "deployed" },
    { time: expect.any(Number) as number, function: "a", version: "1", status: "failed", error: "no handler" },
  ];
  expect(await history.all()).toEqual(expected);
  await history.close();
  expect(await new DeploymentHistory(file()).all()).toEqual(expected);
});
