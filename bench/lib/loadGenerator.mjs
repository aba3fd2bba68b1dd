import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../load/main.mjs", import.meta.url));

/** The process that sends requests. Its CPU time belongs to nobody's figure. */
export class LoadGenerator {
  #child = fork(MAIN, { stdio: ["ignore", "inherit", "inherit", "ipc"] });

  /**
   * Sends `requests` requests over `connections` kept-alive connections, each as soon as the last one is answered.
   *
   * @returns requests a second, latency, and how many were not answered with 200.
   */
  async run(load) {
    this.#child.send(load);
    const { result, error } = await new Promise((resolve) => this.#child.once("message", resolve));
    if (error !== undefined) throw new Error(`load on port ${load.port}: ${error}`);
    return result;
  }

  stop() {
    this.#child.kill();
  }
}
