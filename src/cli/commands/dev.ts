import pc from "picocolors";

import { startGateway } from "../../gateway/gateway";
import { DevSession } from "../dev/devSession";
import { untilStopped } from "../signals";

/** `fullcode dev` */
export async function dev({ cwd, stack }: { cwd: string; stack: string }): Promise<void> {
  const print = (line: string): void => console.log(line);
  const abort = new AbortController();
  let serving = false;
  const stopped = untilStopped(() => {
    abort.abort();
    if (serving) print(pc.dim("Finishing what was accepted … (Ctrl-C again to stop at once)"));
  });
  try {
    const session = await DevSession.start({ cwd, stack, print, startGateway, signal: abort.signal });
    serving = true;
    await stopped;
    await session.stop();
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
  }
}
