import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { Environment, kubernetes, ServerlessApp } from "../../../src";
import { declareCluster, inProjectFolder } from "../../support/declareCluster";
import { useMocks } from "../../support/declareProgram";
import { temporaryFolder } from "../../support/temporaryFolder";

inProjectFolder();
const folder = temporaryFolder();
const before = process.env.KUBECONFIG;
beforeEach(() => {
  jest.spyOn(console, "log").mockImplementation();
});
afterEach(async () => {
  await pulumi.runtime.disconnect();
  if (before === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before;
  jest.restoreAllMocks();
});

/** Files of $KUBECONFIG, each with one context that is its current one. */
function listKubeconfigs(...contexts: string[]): string[] {
  const paths = contexts.map((context) => {
    const path = join(folder(), `${context}.yaml`);
    writeFileSync(path, JSON.stringify({ "current-context": context, contexts: [{ name: context }] }));
    return path;
  });
  process.env.KUBECONFIG = ["", join(folder(), "missing.yaml"), ...paths].join(delimiter);
  return paths;
}

function declareRegion(context?: string): void {
  const region = kubernetes({ context, registry: "registry.example.com", gateway: { image: "gateway:1" } });
  new Environment("production", { app: new ServerlessApp("shop"), type: "live", regions: { eu: region } });
}

async function kubeconfigOf(context?: string): Promise<unknown> {
  const cluster = await declareCluster(() => declareRegion(context));
  return cluster.resource("kubernetes", "production.eu").inputs.kubeconfig;
}

test("of several files the one that has the context is taken", async () => {
  const [first, second] = listKubeconfigs("eu", "us");
  await expect(kubeconfigOf("us")).resolves.toBe(second);
  await expect(kubeconfigOf()).resolves.toBe(first);
});

test("a single file is left to the provider", async () => {
  process.env.KUBECONFIG = join(folder(), "config");
  await expect(kubeconfigOf("eu")).resolves.toBe(process.env.KUBECONFIG);
});

test("a context that is in none of them is an error", async () => {
  listKubeconfigs("eu", "us");
  await useMocks();
  expect(() => declareRegion("asia")).toThrow(
    /regions\.eu\.context: none of the files in \$KUBECONFIG \(.*missing\.yaml, .*us\.yaml\) has context "asia"/,
  );
});

test("a file that is no YAML is an error", async () => {
  const [, second] = listKubeconfigs("eu", "us");
  writeFileSync(second, "{");
  await useMocks();
  expect(() => declareRegion("us")).toThrow(/us\.yaml of \$KUBECONFIG is no kubeconfig: /);
});
