import { existsSync } from "node:fs";
import { join } from "node:path";

import { Kubectl } from "./kubectl";
import { problemWithMachine, runScript, STATE_FOLDER } from "./machine";
import { REGIONS } from "./regions";

/** Brings up what the suites run on. With TEST_CLUSTER_KEEP set, what is up already is used. */
export default async function startCluster(): Promise<void> {
  const problem = problemWithMachine();
  if (problem !== undefined) throw new Error(`this machine can't run the test cluster: ${problem}`);
  await runScript("build.sh");
  await runScript("host.sh", "up");
  await Promise.all(
    Object.entries(REGIONS).map(async ([name, index]) => {
      const isKept = keeps() && (await isUp(name));
      if (!isKept) await runScript("region.sh", "up", name, String(index));
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

function client(name: string): Kubectl {
  return new Kubectl(join(STATE_FOLDER, name, "kubeconfig"));
}
