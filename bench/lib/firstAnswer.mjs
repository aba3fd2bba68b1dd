import { setTimeout as sleep } from "node:timers/promises";

import { singleRequest } from "./singleRequest.mjs";

const PAUSE_MS = 4;
const LIMIT_MS = 60_000;

/**
 * Asks again and again, on a new connection each time, without waiting for the ones before.
 *
 * @returns when the first answer came that was a 200, in `performance.now()`'s milliseconds.
 */
export async function firstAnswer(host, port, path) {
  const deadline = performance.now() + LIMIT_MS;
  let answered;
  let last;
  while (answered === undefined) {
    if (performance.now() > deadline)
      throw new Error(`http://${host}:${port}${path} does not answer: ${last?.message}`);
    singleRequest(port, path, host).then(
      () => (answered ??= performance.now()),
      (error) => (last = error),
    );
    await sleep(PAUSE_MS);
  }
  return answered;
}
