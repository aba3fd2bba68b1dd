import pc from "picocolors";

import { startGateway } from "../../gateway/gateway";
import { untilStopped } from "../signals";
import { StartSession } from "../start/startSession";

/** `fullcode start` */
export async function start(folder: string, options: { port: number; entrypoint?: string }): Promise<void> {
  const print = (line: string): void => console.log(line);
  const session = new StartSession({ folder, ...options, print, startGateway });
  const stopped = untilStopped(() => print(pc.dim("Stopping …")));
  await session.start();
  await stopped;
  await session.stop();
}
