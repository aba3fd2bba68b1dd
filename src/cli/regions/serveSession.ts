import { basename, relative, sep } from "node:path";

import { type FSWatcher, watch } from "chokidar";
import pc from "picocolors";

import { CliError, errorText } from "../errors";
import { LogPrinter } from "../output/logLines";
import { regionTable, regionWarnings } from "../output/regionTable";
import { readProject } from "../project/project";
import { reportOnce } from "../watchProblems";
import { findRegions, readRegionDocuments, stackFolder } from "./regionFolders";
import { RegionGateways, type StartGateway } from "./regionGateways";

/** A deployment writes many files. */
const SETTLE_MS = 100;
/** Depth of region.json below a stack's folder. */
const REGION_DEPTH = 2;

export interface ServeSessionOptions {
  cwd: string;
  stack: string;
  print: (line: string) => void;
  startGateway: StartGateway;
}

/** `fullcode serve`: the regions that a deployment has written, served for as long as they are there. */
export class ServeSession {
  private readonly logs: LogPrinter;
  private readonly gateways: RegionGateways;
  private readonly watcher: FSWatcher;
  private timer: NodeJS.Timeout | undefined;
  private updating: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: ServeSessionOptions,
    private readonly projectFolder: string,
  ) {
    this.logs = new LogPrinter(options.print);
    this.gateways = new RegionGateways({
      projectFolder,
      watchCode: false,
      onLog: (region, record) => this.logs.add(record, this.gateways.urls.size > 1 ? region.label : ""),
      startGateway: options.startGateway,
    });
    const top = stackFolder(projectFolder, options.stack);
    this.watcher = watchRegions(top, () => this.changed());
    reportOnce(this.watcher, top, (message) => options.print(pc.red(message)));
  }

  /**
   * Resolves when all regions that are there are served.
   *
   * @throws CliError when there is none, or one cannot be started; nothing runs then.
   */
  static async start(options: ServeSessionOptions): Promise<ServeSession> {
    const { stack } = options;
    const { folder } = await readProject(options.cwd);
    if ((await findRegions(folder, stack)).length === 0)
      throw new CliError(
        `Stack "${stack}" has no regions on this machine. Deploy it with "pulumi up --stack ${stack}", or run ` +
          `the program without deploying it: "fullcode dev --stack ${stack}".`,
      );
    const session = new ServeSession(options, folder);
    try {
      await new Promise<void>((resolve) => session.watcher.once("ready", resolve));
      const problems = await session.update();
      if (problems.length > 0) throw new CliError(problems.map(({ message }) => message).join("\n"));
      return session;
    } catch (error) {
      await session.stop();
      throw error;
    }
  }

  /** Answers what was accepted and ends everything. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    await this.watcher.close();
    await this.updating;
    await this.gateways.stopAll();
    this.logs.flush();
  }

  private changed(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.updating = this.updating.then(() => this.updateNow());
    }, SETTLE_MS);
  }

  /** Whatever is wrong with one region, the others are served on. */
  private async updateNow(): Promise<void> {
    const { print } = this.options;
    try {
      for (const { message } of await this.update()) print(pc.red(message));
    } catch (error) {
      print(pc.red(errorText(error)));
    }
  }

  private async update(): Promise<CliError[]> {
    const { print, stack } = this.options;
    const { started, stopped, problems } = await this.gateways.reconcile(await findRegions(this.projectFolder, stack));
    for (const { label } of stopped) print(`Region ${pc.bold(label)} is not served any more.`);
    for (const region of started) {
      const documents = await readRegionDocuments(region.folder);
      for (const line of regionTable(region, documents, this.gateways.urls.get(region.folder)!)) print(line);
      for (const warning of regionWarnings(region, documents)) print(pc.yellow(`Warning: ${warning}`));
      print("");
    }
    return problems;
  }
}

/** Calls back when a region.json below the stack's folder comes, changes or goes. */
function watchRegions(top: string, onChange: () => void): FSWatcher {
  const watcher = watch(top, {
    ignoreInitial: true,
    depth: REGION_DEPTH,
    ignored: (path) => relative(top, path).split(sep).length > REGION_DEPTH && basename(path) !== "region.json",
  });
  return watcher.on("all", (_, path) => {
    if (basename(path) === "region.json") onChange();
  });
}
