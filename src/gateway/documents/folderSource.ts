import { type FSWatcher, watch } from "chokidar";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { type Document, DOCUMENT_FILE, SECRETS_FOLDER, STATE_FOLDER } from "../../spec";
import { DocumentReader } from "./documentReader";
import { type DocumentSet, documentSet } from "./documentSet";

/** A program writes its documents one after the other; they are read once it has been quiet for this long. */
const QUIET_MS = 50;

export interface FolderChange {
  documents: DocumentSet;
  /** Parameters or variables have changed: running instances have old ones. */
  secretsChanged: boolean;
}

/**
 * The documents of a `local()` region: files in its folder, read again whenever one changes.
 *
 * A file that cannot be read keeps its last valid document in service and is reported; a file that is gone is gone.
 */
export class FolderSource {
  private readonly valid = new Map<string, { text: string; document: Document }>();
  private readonly reader: DocumentReader;
  private secrets: string | undefined;
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly onChange: (change: FolderChange) => Promise<void>,
    private readonly onProblem: (level: "warn" | "error", message: string) => void,
  ) {
    this.reader = new DocumentReader((message) => onProblem("warn", message));
  }

  /** Reads the documents for the first time and watches them from then on. */
  async start(): Promise<void> {
    this.watcher = watch(this.folder, {
      ignoreInitial: true,
      depth: 1,
      ignored: (path) => path === join(this.folder, STATE_FOLDER) || path.endsWith(".tmp"),
    });
    this.watcher.on("all", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.reload(), QUIET_MS);
    });
    this.watcher.on("error", (error) =>
      this.onProblem("error", `${this.folder} cannot be watched: ${(error as Error).message}`),
    );
    await new Promise<void>((resolve) => this.watcher!.once("ready", resolve));
    await this.reload();
  }

  /** Resolves once the documents that are there now have been taken over. */
  reload(): Promise<void> {
    this.reading = this.reading
      .then(() => this.read())
      .catch((error: unknown) => this.onProblem("error", `${this.folder} cannot be read: ${(error as Error).message}`));
    return this.reading;
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    await this.watcher?.close();
    await this.reading;
  }

  private async read(): Promise<void> {
    const problems: string[] = [];
    const files = (await list(this.folder)).filter((name) => DOCUMENT_FILE.test(name));
    for (const name of this.valid.keys()) if (!files.includes(name)) this.valid.delete(name);
    for (const name of files) {
      try {
        const text = await readFile(join(this.folder, name), "utf8");
        if (this.valid.get(name)?.text === text) continue;
        this.valid.set(name, { text, document: this.reader.read(text, name) });
      } catch (error) {
        const kept = this.valid.has(name) ? "; its last valid version is served" : "; it is left out";
        problems.push(`${(error as Error).message}${kept}`);
      }
    }
    const secrets = await this.readSecrets();
    const secretsChanged = this.secrets !== undefined && this.secrets !== secrets;
    this.secrets = secrets;
    const documents = documentSet(
      [...this.valid.values()].map(({ document }) => document),
      problems,
    );
    await this.onChange({ documents, secretsChanged });
  }

  private async readSecrets(): Promise<string> {
    const folder = join(this.folder, SECRETS_FOLDER);
    const names = (await list(folder)).filter((name) => name.endsWith(".json")).sort();
    const texts = names.map(async (name) => {
      try {
        return `${name}\n${await readFile(join(folder, name), "utf8")}`;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
        throw error;
      }
    });
    return (await Promise.all(texts)).join("\n");
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
