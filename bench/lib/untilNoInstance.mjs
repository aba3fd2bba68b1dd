import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 15_000;
/** The instance has left by then, and its process is gone. */
const PROCESS_END_MS = 200;

/** Resolves once a region's only function is at zero instances. */
export async function untilNoInstance(region) {
  const deadline = performance.now() + LIMIT_MS;
  while (performance.now() < deadline) {
    const [{ instances, starting }] = (await region.status()).functions;
    if (instances + starting === 0) return sleep(PROCESS_END_MS);
    await sleep(50);
  }
  throw new Error(`the function still has an instance after ${LIMIT_MS / 1000} s without traffic`);
}
