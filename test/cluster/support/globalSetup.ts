import { existsSync } from "node:fs";
import { join } from "node:path";

import { Kubectl } from "./kubectl";
import { problemWithMachine, runScript, STATE_FOLDER } from "./machine";
import { REGIONS } from "./regions";

/** Namespaces that every region has. */
const OWN_NAMESPACES = ["default", "keda", "kube-node-lease", "kube-public", "kube-system"];

/** Brings up what the suites run on. With TEST_CLUSTER_KEEP set, what is up already is used, without what tests left in it. */
export default async function startCluster(): Promise<void> {
  const problem = problemWithMachine();
  if (problem !== undefined) throw new Error(`this machine can't run the test cluster: ${problem}`);
  await runScript("build.sh");
  await runScript("host.sh", "up");
  await Promise.all(
    Object.entries(REGIONS).map(async ([name, index]) => {
      if (keeps() && (await isUp(name))) return clean(name);
      await runScript("region.sh", "up", name, String(index));
    }),
  );
}

/** Whether clusters outlive the run. */
export function keeps(): boolean {
  return (process.env.TEST_CLUSTER_KEEP ?? "") !== "";
}

async function isUp(name: string): Promise<boolean> {
  if (!existsSync(join(STATE_FOLDER, name, "kubeconfig"))) return false;
  return client(name)
    .run(["wait", "--for", "condition=Ready", "nodes", "--all", "--timeout", "5s"])
    .then(
      () => true,
      () => false,
    );
}

async function clean(name: string): Promise<void> {
  const all = await client(name).run(["get", "namespaces", "--output", "name"]);
  const names = all
    .trim()
    .split("\n")
    .map((each) => each.replace("namespace/", ""));
  const left = names.filter((each) => !OWN_NAMESPACES.includes(each));
  if (left.length > 0) await client(name).run(["delete", "namespaces", ...left]);
}

function client(name: string): Kubectl {
  return new Kubectl(join(STATE_FOLDER, name, "kubeconfig"));
}
