import pc from "picocolors";

import { startGateway } from "../../gateway/gateway";
import { DevSession } from "../dev/devSession";
import { untilStopped } from "../signals";

/** `fullcode dev` */
export async function dev({ cwd, stack }: { cwd: string; stack: string }): Promise<void> {
  const print = (line: string): void => console.log(line);
  const session = new DevSession({ cwd, stack, print, startGateway });
  const stopped = untilStopped(() => print(pc.dim("Finishing what was accepted … (Ctrl-C again to stop at once)")));
  const started = session.start();
  await Promise.race([started, stopped]);
  await stopped;
  await started.catch(() => undefined);
  await session.stop();
}
