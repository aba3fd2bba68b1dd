import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { plainEnvironment } from "./plainEnvironment.mjs";

const READY_MS = 20_000;
const ANSWER_MS = 5_000;
const END_MS = 10_000;

/** A server under measurement: a process of its own, with whatever it starts. */
export class ServerProcess {
  #child;
  #output = "";

  /**
   * Starts a server and waits for its first answer.
   *
   * @param start.args - Arguments of `node`.
   * @param start.path - Answered with 200 once the server is ready.
   */
  static async start({ args, port, path = "/", cwd, environment = {} }) {
    const server = new ServerProcess();
    server.port = port;
    server.#child = spawn(process.execPath, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...plainEnvironment(), PORT: String(port), ...environment },
    });
    for (const stream of ["stdout", "stderr"])
      server.#child[stream].on("data", (chunk) => (server.#output = (server.#output + chunk).slice(-4_000)));
    server.pid = server.#child.pid;
    await server.#untilAnswered(path);
    return server;
  }

  async #untilAnswered(path) {
    const started = performance.now();
    let last = "no answer";
    while (performance.now() - started < READY_MS) {
      if (this.#child.exitCode !== null) throw new Error(`${this.#name} exited:\n${this.#output}`);
      try {
        const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
          signal: globalThis.AbortSignal.timeout(ANSWER_MS),
        });
        last = `${answer.status} ${await answer.text()}`;
        if (answer.status === 200) return;
      } catch (error) {
        last = error.cause?.message ?? error.message;
      }
      await sleep(25);
    }
    await this.stop();
    throw new Error(`${this.#name} does not answer ${path} with 200 (${last}):\n${this.#output}`);
  }

  get #name() {
    return this.#child.spawnargs.join(" ");
  }

  async stop() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** A port that nobody listens at. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
