import { setTimeout as sleep } from "node:timers/promises";

import { requireTypeScript } from "../typescript.mjs";

const { KedaClient } = requireTypeScript("test/support/kedaClient.ts");

// `address` of the scaler, names of `functions`, and how often each one is asked for
const { address, functions, intervalMs } = JSON.parse(process.argv[2]);

const client = new KedaClient(address);
let answered = 0;
let failure;

async function look(name) {
  try {
    await client.look(name);
    answered++;
  } catch (error) {
    failure ??= `${name}: ${error.message}`;
  }
}

async function follow(name, offsetMs) {
  client.watch(name);
  await look(name);
  await sleep(offsetMs);
  setInterval(() => void look(name), intervalMs);
}

// spread over the interval, as they are after a while
const first = functions.map((name, i) => follow(name, (intervalMs * i) / functions.length));
process.on("message", () => {
  process.send({ answered, failure });
  answered = 0;
});
await Promise.all(first);
process.send({ answered, failure });
