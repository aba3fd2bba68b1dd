import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";

import { parse } from "yaml";
import { z } from "zod";

import { PROJECT_FILES } from "../../platforms/local/projectFolder";
import { CliError } from "../errors";

const PROGRAM_FILES = ["index.js", "index.cjs", "index.mjs", "index.ts", "index.cts", "index.mts"];

const projectFile = z.looseObject({
  name: z.string().min(1),
  description: z.string().optional(),
  runtime: z.union([z.string(), z.looseObject({ name: z.string() })]),
  main: z.string().optional(),
  stackConfigDir: z.string().optional(),
  backend: z.looseObject({ url: z.string().optional() }).optional(),
  config: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
});

/** A Pulumi project as far as its programs run here. */
export interface Project {
  /** Folder of Pulumi.yaml. */
  folder: string;
  file: string;
  name: string;
  description?: string;
  /** The program's file. */
  program: string;
  /** Working folder of the program. */
  programFolder: string;
  /** Folder of the stacks' configuration files. */
  configFolder: string;
  /** Backend of the state, where the project names one. */
  backendUrl?: string;
  /** The `config` section: defaults of all stacks. */
  config: Record<string, unknown>;
}

/**
 * Finds the project of a folder, in it or above it, as the Pulumi CLI does.
 *
 * @throws CliError when there is none, or none that Node.js runs.
 */
export async function readProject(cwd: string): Promise<Project> {
  const file = findProjectFile(resolve(cwd));
  if (file === undefined)
    throw new CliError(
      `No Pulumi.yaml in ${resolve(cwd)} or above it. Run this in a project's folder, or name one with --cwd.`,
    );
  const content = parseYaml(await readFile(file, "utf8"), file);
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw new CliError(`${file}: it has to be a mapping with "name" and "runtime: nodejs", and is ${kindOf(content)}.`);
  for (const key of ["name", "runtime"])
    if (!(key in content))
      throw new CliError(`${file}: ${key}: it is missing${key === "runtime" ? '; "nodejs" is run here' : ""}.`);
  const result = projectFile.safeParse(content);
  if (!result.success)
    throw new CliError(
      `${file}: ${result.error.issues.map((issue) => `${issue.path.join(".") || "project"}: ${issue.message}`).join("; ")}`,
    );
  const { data } = result;
  const runtime = typeof data.runtime === "string" ? data.runtime : data.runtime.name;
  if (runtime !== "nodejs")
    throw new CliError(`${file}: runtime: "${runtime}" programs are not run here; only "nodejs" ones are.`);
  const folder = dirname(file);
  const configFolder = data.stackConfigDir ?? (typeof data.config === "string" ? data.config : ".");
  return {
    folder,
    file,
    name: data.name,
    description: data.description,
    ...(await findProgram(file, data.main)),
    configFolder: resolve(folder, configFolder),
    backendUrl: data.backend?.url,
    config: typeof data.config === "object" && data.config !== null ? data.config : {},
  };
}

/** What YAML has given in place of a mapping. */
export function kindOf(content: unknown): string {
  if (content === null || content === undefined) return "empty";
  return Array.isArray(content) ? "a list" : `a ${typeof content}`;
}

/** @throws CliError that names file, line and column. */
export function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new CliError(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function findProjectFile(folder: string): string | undefined {
  const found = PROJECT_FILES.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (found !== undefined || folder === dirname(folder)) return found;
  return findProjectFile(dirname(folder));
}

/** The order is the Pulumi CLI's: `main` of Pulumi.yaml, then the entry of the nearest package.json, then index files. */
async function findProgram(projectFile: string, main = "."): Promise<{ program: string; programFolder: string }> {
  const target = resolve(dirname(projectFile), main);
  if (!existsSync(target)) throw new CliError(`${projectFile}: main: "${main}" does not exist.`);
  if (!statSync(target).isDirectory()) return { program: target, programFolder: dirname(target) };
  const entry = await packageEntry(target);
  const program = [entry, ...PROGRAM_FILES.map((name) => join(target, name))].find(
    (file) => file !== undefined && existsSync(file),
  );
  if (program === undefined)
    throw new CliError(
      `No program in ${target}: there is neither an index.ts nor an index.js. Name the file as "main" in ${basename(projectFile)}.`,
    );
  return { program, programFolder: target };
}

async function packageEntry(folder: string): Promise<string | undefined> {
  const manifestFile = join(folder, "package.json");
  if (!existsSync(manifestFile)) return folder === dirname(folder) ? undefined : packageEntry(dirname(folder));
  const manifest = z
    .looseObject({ main: z.string().optional(), exports: z.unknown().optional() })
    .safeParse(parseYaml(await readFile(manifestFile, "utf8"), relative(process.cwd(), manifestFile)));
  if (!manifest.success) return undefined;
  const entry = exportedEntry(manifest.data.exports) ?? manifest.data.main;
  return entry === undefined ? undefined : resolve(folder, entry);
}

function exportedEntry(exported: unknown): string | undefined {
  const main =
    typeof exported === "object" && exported !== null ? (exported as Record<string, unknown>)["."] : exported;
  if (typeof main === "string") return main;
  if (typeof main !== "object" || main === null) return undefined;
  const { default: any, require, import: imported } = main as Record<string, unknown>;
  return [any, require, imported].find((entry): entry is string => typeof entry === "string");
}
