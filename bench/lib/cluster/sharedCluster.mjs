/** The cluster of a run: made when a suite asks for it first, and there until the run ends. */
export class SharedCluster {
  #progress;
  #started;

  constructor(progress) {
    this.#progress = progress;
  }

  /** @returns the cluster, or undefined when this machine can't run one, which is said aloud. */
  get() {
    return (this.#started ??= this.#start());
  }

  async stop() {
    // the suite that asked for it has failed with it
    const cluster = await this.#started?.catch(() => undefined);
    await cluster?.stop();
  }

  async #start() {
    // what it needs are the tests' devDependencies, and those of the other suites are few
    const { BenchCluster } = await import("./benchCluster.mjs");
    const problem = BenchCluster.problem();
    if (problem === undefined) return BenchCluster.start(this.#progress);
    this.#progress(`SKIPPED the suites on a cluster: this machine can't run one: ${problem}`);
    return undefined;
  }
}
