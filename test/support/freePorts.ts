import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that systems give to connections by themselves, which may take those of a server that restarts. */
const FIRST_PORT = 10_000;
const PORTS_OF_A_WORKER = 2_000;
const WORKERS = 10;

const first = FIRST_PORT + (Number(process.env.JEST_WORKER_ID ?? 0) % WORKERS) * PORTS_OF_A_WORKER;
let next = Math.floor(Math.random() * PORTS_OF_A_WORKER);

/** Ports on loopback that nothing listens at, all different, and different from those that were given before. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried++) {
    if (tried === PORTS_OF_A_WORKER) throw new Error(`no ${count} ports are free from ${first} on`);
    const port = first + (next++ % PORTS_OF_A_WORKER);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}
