import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("scalerPollsMain.mjs", import.meta.url));

/** A process that asks a region's scaler for its functions as KEDA does. */
export class ScalerPolls {
  #child;

  /** Resolves when each function has its stream and has been asked for once. */
  static async start(options) {
    const polls = new ScalerPolls();
    polls.#child = fork(MAIN, [JSON.stringify(options)]);
    await polls.#answer();
    return polls;
  }

  /** @returns how many questions have been answered since the last call, and the first that was not, if any. */
  async answered() {
    this.#child.send("answered");
    return this.#answer();
  }

  async #answer() {
    return new Promise((resolve, reject) => {
      this.#child.once("message", resolve);
      this.#child.once("exit", (code) => reject(new Error(`the process that asks the scaler ended with ${code}`)));
    });
  }

  stop() {
    this.#child.kill();
  }
}
