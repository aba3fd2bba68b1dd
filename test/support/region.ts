import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import {
  API_VERSION,
  type Document,
  documentFileName,
  type DocumentInput,
  PARAMS_FILE,
  SECRETS_FOLDER,
  variablesFileName,
} from "../../src/spec";

type Input<Kind extends Document["kind"]> = Omit<
  Extract<DocumentInput, { kind: Kind }>,
  "kind" | "apiVersion" | "name"
>;

/** A function's document, without what follows from its name, and its code. */
export interface FunctionDeclaration extends Omit<Partial<Input<"Function">>, "code"> {
  /** Source of `src/index.js`, or the sources of several files. */
  code: string | Record<string, string>;
}

/** A region as a test declares it; the names of its documents are the keys. */
export interface RegionDeclaration {
  functions: Record<string, FunctionDeclaration | string>;
  routes?: Record<string, Partial<Input<"Route">>>;
  queues?: Record<string, Partial<Input<"Queue">>>;
  crons?: Record<string, Partial<Input<"Cron">> & { schedule: string }>;
  region?: Partial<Input<"Region">>;
  params?: Record<string, string | number | boolean>;
  variables?: Record<string, Record<string, string>>;
}

/** The files of a `local()` region, and of its functions' code, in a folder of the test's own. */
export class TestRegion {
  /** Holds the documents. */
  readonly folder: string;

  constructor(
    /** Holds the functions' code. */
    readonly projectFolder: string,
  ) {
    this.folder = join(projectFolder, ".fullcode", "test", "production", "eu");
  }

  /** Writes everything that is declared. What has no function of its own belongs to the only, or the first, one. */
  async declare(declaration: RegionDeclaration): Promise<void> {
    const [firstFunction] = Object.keys(declaration.functions);
    await this.document({
      kind: "Region",
      name: "eu",
      app: "shop",
      environment: "production",
      environmentType: "production",
      url: "http://localhost:4001",
      ...declaration.region,
    });
    if (declaration.params !== undefined) await this.params(declaration.params);
    for (const [name, values] of Object.entries(declaration.variables ?? {})) await this.variables(name, values);
    for (const [name, given] of Object.entries(declaration.functions))
      await this.function(name, typeof given === "string" ? { code: given } : given);
    for (const [name, route] of Object.entries(declaration.routes ?? {}))
      await this.document({ kind: "Route", name, function: firstFunction, method: "GET", path: `/${name}`, ...route });
    for (const [name, queue] of Object.entries(declaration.queues ?? {}))
      await this.document({ kind: "Queue", name, function: firstFunction, queue: name, ...queue });
    for (const [name, cron] of Object.entries(declaration.crons ?? {}))
      await this.document({ kind: "Cron", name, function: firstFunction, ...cron });
  }

  /** Writes a function's code and document. */
  async function(name: string, { code, ...document }: FunctionDeclaration): Promise<void> {
    const files = typeof code === "string" ? { "src/index.js": code } : code;
    for (const [file, text] of Object.entries(files)) await this.code(name, file, text);
    await this.document({
      kind: "Function",
      name,
      version: "v1",
      runtime: "nodejs",
      code: join("functions", name),
      concurrency: 16,
      ...document,
    });
  }

  /** Writes one file of a function's code; a script is executable. */
  code(functionName: string, file: string, text: string): Promise<void> {
    return write(join(this.projectFolder, "functions", functionName, file), text);
  }

  /** Writes a document as a program does: at once or not at all. */
  async document(document: { kind: Document["kind"]; name: string } & Record<string, unknown>): Promise<void> {
    await this.raw(documentFileName(document), JSON.stringify({ apiVersion: API_VERSION, ...document }));
  }

  /** Writes a document's file with any content. */
  raw(file: string, text: string): Promise<void> {
    return write(join(this.folder, file), text);
  }

  async remove(kind: Document["kind"], name: string): Promise<void> {
    await rm(join(this.folder, documentFileName({ kind, name })));
  }

  params(params: Record<string, unknown>): Promise<void> {
    return write(join(this.folder, SECRETS_FOLDER, PARAMS_FILE), JSON.stringify(params));
  }

  variables(functionName: string, values: Record<string, string>): Promise<void> {
    return write(join(this.folder, SECRETS_FOLDER, variablesFileName(functionName)), JSON.stringify(values));
  }
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.tmp`, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  await rename(`${file}.tmp`, file);
}
