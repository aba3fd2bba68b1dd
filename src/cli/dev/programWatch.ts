import { basename, dirname, extname, join, sep } from "node:path";

import { type FSWatcher, watch } from "chokidar";

import { type Project } from "../project/project";
import { stackConfigFiles } from "../project/stackConfig";
import { reportOnce } from "../watchProblems";

/** Editors write a file in several steps. */
const SETTLE_MS = 40;
const IGNORED = new Set(["node_modules", ".git", ".fullcode", "dist", "coverage"]);
const SOURCE = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".json"]);

/** Calls back when a file changes that a program is made from: its own sources, Pulumi.yaml and the stack's files. */
export class ProgramWatch {
  private readonly watcher: FSWatcher;
  private readonly configFiles: Set<string>;
  private sources = new Set<string>();
  private incomplete = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly project: Project,
    stack: string,
    private readonly onChange: (file: string) => void,
    onProblem: (message: string) => void,
  ) {
    const { stackFile, overrideFile } = stackConfigFiles(project, stack);
    this.configFiles = new Set([project.file, stackFile, overrideFile]);
    const isIgnored = (path: string): boolean =>
      path.startsWith(project.folder + sep) &&
      path
        .slice(project.folder.length + 1)
        .split(sep)
        .some((part) => IGNORED.has(part));
    this.watcher = watch([project.folder, ...this.configFiles], { ignored: isIgnored, ignoreInitial: true });
    this.watcher.on("all", (_, path) => this.changed(path));
    reportOnce(this.watcher, project.folder, onProblem);
  }

  /** Resolves when changes are seen. */
  async ready(): Promise<void> {
    await new Promise<void>((resolve) => this.watcher.once("ready", resolve));
  }

  /**
   * @param incomplete - The program could not be evaluated, so that a file that it lacks is not among its sources: every
   *   source file of the project counts until it can.
   */
  setSources(files: readonly string[], incomplete: boolean): void {
    this.incomplete = incomplete;
    const outside = files.filter((file) => !this.sources.has(file) && !file.startsWith(this.project.folder + sep));
    if (outside.length > 0) this.watcher.add(outside);
    this.sources = new Set([...files, this.project.program]);
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.watcher.close();
  }

  private changed(path: string): void {
    const concerns =
      this.configFiles.has(path) ||
      this.sources.has(path) ||
      (this.incomplete && SOURCE.has(extname(path))) ||
      path === join(dirname(this.project.program), "package.json");
    if (!concerns) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.onChange(basename(path)), SETTLE_MS);
  }
}
