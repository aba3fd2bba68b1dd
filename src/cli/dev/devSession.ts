import { relative } from "node:path";
import { performance } from "node:perf_hooks";

import pc from "picocolors";

import { servedRegions } from "../admin/localGateways";
import { CliError, errorText } from "../errors";
import { evaluate, type Evaluation } from "../evaluator/evaluate";
import { LogPrinter } from "../output/logLines";
import { regionTable, regionWarnings } from "../output/regionTable";
import { type Project, readProject } from "../project/project";
import { findRegions, readRegionDocuments } from "../regions/regionFolders";
import { type Reconciliation, RegionGateways, servedElsewhere, type StartGateway } from "../regions/regionGateways";
import { writeRegions } from "../regions/writeRegions";
import { ProgramWatch } from "./programWatch";

export interface DevSessionOptions {
  cwd: string;
  stack: string;
  print: (line: string) => void;
  startGateway: StartGateway;
  /** See {@link evaluate}. */
  evaluator?: string;
  /** Ends the evaluation of the start, which may never end by itself. */
  signal?: AbortSignal;
}

/** A program that takes longer than this may never end. */
const LONG_EVALUATION_MS = 10_000;

/** `fullcode dev`: a program evaluated, its regions served, both again on each change. */
export class DevSession {
  private readonly logs: LogPrinter;
  private readonly gateways: RegionGateways;
  private readonly watch: ProgramWatch;
  /** The evaluation under way; a newer change ends it. */
  private evaluating: AbortController | undefined;
  private reloading: Promise<void> = Promise.resolve();
  private warned = "";

  private constructor(
    private readonly options: DevSessionOptions,
    private project: Project,
  ) {
    const { stack, print, startGateway } = options;
    this.logs = new LogPrinter(print);
    this.gateways = new RegionGateways({
      projectFolder: project.folder,
      watchCode: true,
      onLog: (region, record) => this.logs.add(record, this.gateways.urls.size > 1 ? region.label : ""),
      startGateway,
    });
    this.watch = new ProgramWatch(
      project,
      stack,
      (file) => void this.reload(file),
      (message) => print(pc.red(message)),
    );
  }

  /**
   * Resolves when the regions are served.
   *
   * @throws CliError when the program cannot be evaluated or a region not be started, AbortError when its evaluation was
   *   ended by the signal; nothing runs then.
   */
  static async start(options: DevSessionOptions): Promise<DevSession> {
    const { cwd, stack, print } = options;
    const project = await readProject(cwd);
    print(`${pc.bold(project.name)} ${pc.dim(`stack ${stack}`)}`);
    print(pc.dim(`Evaluating ${relative(cwd, project.program)} …`));
    const session = new DevSession(options, project);
    const starting = session.startRegions();
    session.reloading = starting.catch(() => undefined);
    try {
      await starting;
      return session;
    } catch (error) {
      await session.stop();
      throw error;
    }
  }

  /** Answers what was accepted and ends everything. */
  async stop(): Promise<void> {
    this.evaluating?.abort();
    await this.watch.close();
    await this.reloading;
    await this.gateways.stopAll();
    this.logs.flush();
  }

  private async startRegions(): Promise<void> {
    const [evaluation] = await Promise.all([this.firstEvaluation(), this.watch.ready()]);
    await this.requireUnserved();
    this.options.print(pc.dim("Starting gateways …"));
    const { problems } = await this.serve(evaluation);
    if (problems.length > 0) throw new CliError(problems.map(({ message }) => message).join("\n"));
    await this.printRegions();
    this.printWarnings(evaluation, await this.warnings());
  }

  /** A change ends the evaluation under way; then there is nothing yet that could be served instead. */
  private async firstEvaluation(): Promise<Evaluation> {
    for (;;) {
      try {
        return await this.evaluate();
      } catch (error) {
        if ((error as Error).name !== "AbortError" || this.options.signal?.aborted === true) throw error;
      }
    }
  }

  /**
   * What is written from here on would change what another process serves.
   *
   * @throws CliError when one serves regions of the stack.
   */
  private async requireUnserved(): Promise<void> {
    const served = await servedRegions(await findRegions(this.project.folder, this.options.stack));
    if (served.length > 0) throw servedElsewhere(served);
  }

  private async reload(file: string): Promise<void> {
    this.evaluating?.abort();
    const previous = this.reloading;
    const next = previous.then(() => this.reloadNow(file));
    this.reloading = next;
    await next;
  }

  /** A program that fails leaves what is served as it is. */
  private async reloadNow(file: string): Promise<void> {
    const { print } = this.options;
    const begin = performance.now();
    try {
      this.project = await readProject(this.options.cwd);
      const evaluation = await this.evaluate();
      const { started, stopped, problems } = await this.serve(evaluation);
      print(pc.dim(`${file} changed: program reloaded in ${Math.round(performance.now() - begin)} ms`));
      if (started.length > 0) await this.printRegions();
      for (const { label } of stopped) print(`Region ${pc.bold(label)} is not served any more.`);
      for (const { message } of problems) print(pc.red(message));
      this.printWarnings(evaluation, await this.warnings());
    } catch (error) {
      if ((error as Error).name === "AbortError") return;
      print(pc.red(`${file} changed, and the program cannot be evaluated; the last valid one is served.`));
      print(pc.red(errorText(error)));
    }
  }

  private async evaluate(): Promise<Evaluation> {
    const { stack, print, evaluator, signal } = this.options;
    const abort = new AbortController();
    this.evaluating = abort;
    let sources: string[] = [];
    const begun = setTimeout(() => print(pc.yellow(this.stillEvaluating())), LONG_EVALUATION_MS);
    try {
      const evaluation = await evaluate({
        project: this.project,
        stack,
        evaluator,
        signal: AbortSignal.any([abort.signal, ...(signal === undefined ? [] : [signal])]),
        onOutput: (line) => print(`${pc.dim("program")} ${line}`),
        onSources: (files) => {
          sources = files;
          this.watch.setSources(files, true);
        },
      });
      this.watch.setSources(evaluation.sources, false);
      return evaluation;
    } catch (error) {
      this.watch.setSources(sources, true);
      throw error;
    } finally {
      clearTimeout(begun);
    }
  }

  private stillEvaluating(): string {
    const program = relative(this.options.cwd, this.project.program);
    return (
      `Still evaluating ${program} (${LONG_EVALUATION_MS / 1_000} s) … If it loops or waits for ever, press Ctrl-C, or ` +
      `correct it: a change begins anew.`
    );
  }

  private async serve({ files }: Evaluation): Promise<Reconciliation> {
    await writeRegions(this.project.folder, this.options.stack, files);
    return this.gateways.reconcile(await findRegions(this.project.folder, this.options.stack));
  }

  private async printRegions(): Promise<void> {
    const { print, stack } = this.options;
    const regions = await findRegions(this.project.folder, stack);
    for (const region of regions) {
      const url = this.gateways.urls.get(region.folder);
      if (url === undefined) continue;
      print("");
      for (const line of regionTable(region, await readRegionDocuments(region.folder), url)) print(line);
    }
    print("");
    print(pc.dim("Watching for changes. Press Ctrl-C to stop."));
  }

  private async warnings(): Promise<string[]> {
    const regions = await findRegions(this.project.folder, this.options.stack);
    if (regions.length === 0) return ["The program declares no region on this machine: nothing is served."];
    const each = await Promise.all(
      regions.map(async (region) => regionWarnings(region, await readRegionDocuments(region.folder))),
    );
    return each.flat();
  }

  /** Says the same things once, not at each reload. */
  private printWarnings({ warnings, remoteRegions }: Evaluation, ofRegions: string[]): void {
    const remote = remoteRegions.map((name) => `Region ${name.replace(".", "/")} is on a cluster and not served here.`);
    const lines = [...warnings, ...ofRegions, ...remote];
    if (lines.join("\n") === this.warned) return;
    this.warned = lines.join("\n");
    for (const line of lines) this.options.print(pc.yellow(`Warning: ${line}`));
  }
}
