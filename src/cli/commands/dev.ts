import pc from "picocolors";

import { startGateway } from "../../gateway/gateway";
import { DevSession } from "../dev/devSession";
import { untilStopped } from "../signals";

/** `fullcode dev` */
export async function dev({ cwd, stack }: { cwd: string; stack: string }): Promise<void> {
  const print = (line: string): void => console.log(line);
  const stopped = untilStopped(() => print(pc.dim("Finishing what was accepted … (Ctrl-C again to stop at once)")));
  const session = await DevSession.start({ cwd, stack, print, startGateway });
  await stopped;
  await session.stop();
}
