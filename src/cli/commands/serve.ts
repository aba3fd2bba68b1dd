import pc from "picocolors";

import { startGateway } from "../../gateway/gateway";
import { ServeSession } from "../regions/serveSession";
import { untilStopped } from "../signals";

/** `fullcode serve` */
export async function serve({ cwd, stack }: { cwd: string; stack: string }): Promise<void> {
  const print = (line: string): void => console.log(line);
  const stopped = untilStopped(() => print(pc.dim("Finishing what was accepted … (Ctrl-C again to stop at once)")));
  const session = await ServeSession.start({ cwd, stack, print, startGateway });
  await stopped;
  await session.stop();
}
