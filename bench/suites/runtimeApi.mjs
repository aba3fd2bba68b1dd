import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { emptyCargoPackage, installCargoLambda } from "../lib/cargoLambda.mjs";
import { descendants } from "../lib/cpuTime.mjs";
import { buildGoBootstrap } from "../lib/goBootstrap.mjs";
import { RegionFolder } from "../lib/regionFolder.mjs";
import { interleavedRounds, medianRatio, medians } from "../lib/rounds.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";
import { goColdStart } from "./goColdStart.mjs";

const AGENT = fileURLToPath(new URL("../../dist/runtime/agent/main.js", import.meta.url));
const LOOP = fileURLToPath(new URL("../functions/pull-loop/bootstrap", import.meta.url));
const WRAPPER = fileURLToPath(new URL("../servers/cargoLambda.mjs", import.meta.url));
const PATHS = Array.from({ length: 50 }, (_, i) => `/orders/${1000 + i}`);

const OVER_CARGO_LAMBDA = 0.5;
const GO_OVER_NODE = 0.5;

/** Pull runtimes: on each side one bootstrap, which takes one event at a time. */
export async function runtimeApi({ generator, quick, peers, stopLater, progress }) {
  if (!existsSync(AGENT)) return skipped(progress, "runtime-api", "dist/runtime/agent/main.js is missing");
  const go = await buildGoBootstrap();
  let coldStart;
  if (go.missing === undefined) {
    stopLater(go.remove);
    // before the others are started: a cold start is measured on a machine that does nothing else
    coldStart = await goColdStart({ folder: go.folder, quick, stopLater, progress });
  } else {
    skipped(progress, "runtime-api: Go", go.missing);
  }
  const nextWithAnswer = { orders: { PULL_LOOP_NEXT_WITH_ANSWER: "true" } };
  const contenders = [
    await startLoop("fullcode", "functions/pull-loop", stopLater),
    await startLoop("fullcode ?next=true", "functions/pull-loop", stopLater, nextWithAnswer),
  ];
  if (peers) contenders.push(...(await startCargoLambda(stopLater, progress)));
  else skipped(progress, "runtime-api against cargo-lambda", "it is downloaded with --peers only");
  if (go.missing === undefined) contenders.push(await startLoop("fullcode with Go", go.folder, stopLater));

  const rows = [];
  for (const connections of [64, 1]) {
    progress(`runtime-api: ${connections} connection${connections === 1 ? "" : "s"}`);
    const requests = quick ? 4_000 : 20_000;
    const options = { rounds: 5, requests, warmup: requests, connections };
    rows.push(...rowsOf(await interleavedRounds(generator, contenders, options), connections));
  }
  if (coldStart !== undefined) rows.push(coldStart);
  return rows;
}

function rowsOf(measured, connections) {
  const ours = measured.get("fullcode");
  const title = (what) => `runtime API, ${connections} connection${connections === 1 ? "" : "s"}: ${what}`;
  const row = (what, left, right, bar) => ({
    name: title(what),
    unit: "µs CPU a request",
    ours: medians(left).cpuMicroseconds,
    baseline: medians(right).cpuMicroseconds,
    ratio: medianRatio(left, right),
    bar,
  });
  const bootstrapOnly = (rounds) => rounds.map((round) => ({ ...round, cpuMicroseconds: round.partMicroseconds }));
  const withoutBootstrap = (rounds) =>
    rounds.map((round) => ({ ...round, cpuMicroseconds: round.cpuMicroseconds - round.partMicroseconds }));
  const rows = [];
  const lambda = measured.get("cargo-lambda");
  const withNext = measured.get("fullcode ?next=true");
  if (lambda !== undefined)
    rows.push(
      row("fullcode / cargo-lambda", ours, lambda, OVER_CARGO_LAMBDA),
      row("fullcode ?next=true / cargo-lambda", withNext, lambda, undefined),
      row("the same, bootstraps not counted", withoutBootstrap(withNext), withoutBootstrap(lambda), undefined),
    );
  const go = measured.get("fullcode with Go");
  if (go !== undefined)
    rows.push(row("Go bootstrap / Node.js bootstrap", bootstrapOnly(go), bootstrapOnly(ours), GO_OVER_NODE));
  const loop = row("fullcode / its Node.js bootstrap alone", ours, bootstrapOnly(ours), undefined);
  const details = Object.fromEntries([...measured].map(([name, rounds]) => [name, medians(rounds)]));
  return [...rows, { ...loop, details }];
}

async function startLoop(name, code, stopLater, variables = {}) {
  const port = await freePort();
  const region = await RegionFolder.create({
    port,
    functions: [{ name: "orders", runtime: "custom", code, concurrency: 1, scale: { min: 1, max: 1 } }],
    routes: [{ function: "orders", path: "/orders/:orderId" }],
    variables,
  });
  stopLater(() => region.remove());
  const server = await ServerProcess.start({ args: region.gatewayArguments, port, path: PATHS[0] });
  stopLater(() => server.stop());
  // gateway → the shell that ends bootstraps if it is killed, and the bootstrap, in the order of their start
  const bootstrap = descendants(server.pid).slice(2);
  return { name, pids: [server.pid], partPids: bootstrap, port, paths: PATHS };
}

async function startCargoLambda(stopLater, progress) {
  const { binary, missing } = installCargoLambda();
  if (missing !== undefined) return skipped(progress, "cargo-lambda", missing);
  const cargoPackage = await emptyCargoPackage();
  stopLater(cargoPackage.remove);
  const port = await freePort();
  const server = await ServerProcess.start({
    args: [WRAPPER, binary, LOOP],
    cwd: cargoPackage.folder,
    port,
    path: PATHS[0],
  });
  stopLater(() => server.stop());
  // wrapper → cargo-lambda and bootstrap, in the order of their start
  const bootstrap = descendants(server.pid).slice(2);
  return [{ name: "cargo-lambda", pids: [server.pid], partPids: bootstrap, port, paths: PATHS }];
}

/** A skipped comparison is no passed one: it is said aloud. */
function skipped(progress, what, why) {
  progress(`SKIPPED ${what}: ${why}`);
  return [];
}
