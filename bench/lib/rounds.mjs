import { setTimeout as sleep } from "node:timers/promises";

import { cpuMicroseconds } from "./cpuTime.mjs";
import { median } from "./statistics.mjs";

/** What a server puts off, such as writing its log, is waited for, so that it is charged to the round that caused it. */
const SETTLE_MS = 400;

/**
 * Loads contenders in turn, A B C A B C …, so that whatever else the machine does meets all of them alike.
 *
 * @param contenders - `{ name, pids, partPids, host, port, paths, method, body }`: `pids` and their descendants are charged; what
 *   `partPids` among them used is told beside it.
 * @returns for each contender, by name, what every round measured.
 */
export async function interleavedRounds(generator, contenders, { rounds, requests, warmup, connections }) {
  const measured = new Map(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await loadOnce(generator, contender, warmup, connections);
  for (let round = 0; round < rounds; round++)
    for (const contender of contenders)
      measured.get(contender.name).push(await loadOnce(generator, contender, requests, connections));
  return measured;
}

async function loadOnce(generator, contender, requests, connections) {
  const { name, pids, partPids = [], host, port, paths, method, body } = contender;
  await sleep(SETTLE_MS);
  const before = charged(pids);
  const partBefore = charged(partPids);
  const result = await generator.run({ host, port, paths, method, body, requests, connections });
  await sleep(SETTLE_MS);
  if (result.failed > 0)
    throw new Error(`${name}: ${result.failed} of ${requests} requests were not answered with 200`);
  return {
    ...result,
    cpuMicroseconds: (charged(pids) - before) / requests,
    partMicroseconds: (charged(partPids) - partBefore) / requests,
  };
}

const charged = (pids) => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);

/** The medians of a contender's rounds. */
export function medians(rounds) {
  const of = (key) => median(rounds.map((round) => round[key]));
  return {
    cpuMicroseconds: of("cpuMicroseconds"),
    perSecond: of("perSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
  };
}

/** The median of the ratios within a round: its two sides met the same moment of the machine. */
export function medianRatio(ours, baseline) {
  return median(ours.map((round, i) => round.cpuMicroseconds / baseline[i].cpuMicroseconds));
}
