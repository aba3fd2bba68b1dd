import { keeps } from "./globalSetup";
import { runScript } from "./machine";
import { REGIONS } from "./regions";

export default async function stopCluster(): Promise<void> {
  if (keeps()) return;
  await Promise.all(Object.keys(REGIONS).map((name) => runScript("region.sh", "down", name)));
  await runScript("host.sh", "down");
}
