import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

import { type EvaluationFailure } from "./messages";

const MAX_CAUSES = 5;

/** Root of this package, whose own frames are not the user's. */
const PACKAGE_FOLDER = join(__dirname, "..", "..", "..");

/**
 * Says what is wrong with a program in one message and names the user's own line.
 *
 * @param error - Anything: JavaScript can throw everything.
 * @param hidesKind - Whether the error is one that speaks for itself, without its class.
 */
export function describeProgramError(error: unknown, projectFolder: string, hidesKind: boolean): EvaluationFailure {
  if (!(error instanceof Error)) return { kind: "failed", message: `The program threw ${String(error)}` };
  const at = ownLine(error.stack ?? "", projectFolder);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND")
    return { kind: "failed", message: `${error.message.split("\n")[0]}. Has "npm install" been run?`, at };
  const message = hidesKind || error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
  return { kind: "failed", message: message + causes(error), at };
}

/** Why it came to an error, a line each; a chain may be a circle. */
function causes({ cause }: Error, depth = 1): string {
  if (cause === undefined || depth > MAX_CAUSES) return "";
  if (!(cause instanceof Error)) return `\n  caused by ${typeof cause === "string" ? cause : inspect(cause)}`;
  return `\n  caused by ${cause.name === "Error" ? "" : `${cause.name}: `}${cause.message}${causes(cause, depth + 1)}`;
}

/** What the SDK says about configuration that is missing, with the place that is this machine's own. */
export function withConfigAdvice(message: string, project: string, stack: string): string {
  const [, key] = /^Missing required configuration variable '([^']+)'/.exec(message) ?? [];
  if (key === undefined) return message;
  const name = key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key;
  return `${message},\n\tor for this machine only by a line "${name}=<value>" in .env.${stack}`;
}

const LOCATION = /((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()\n]*?):(\d+)(?::(\d+))?\)?\s*$/;

/** The topmost frame in the project's own files. */
function ownLine(stack: string, projectFolder: string): string | undefined {
  for (const line of stack.split("\n")) {
    const [, path, row, column] = LOCATION.exec(line) ?? [];
    if (path === undefined) continue;
    const file = path.startsWith("file://") ? fileURLToPath(path) : path;
    if (!isOwn(file, projectFolder)) continue;
    return [relative(projectFolder, file), row, column].filter((part) => part !== undefined).join(":");
  }
  return undefined;
}

function isOwn(file: string, projectFolder: string): boolean {
  if (!file.startsWith(projectFolder + sep) || file.includes(`${sep}node_modules${sep}`)) return false;
  return ![join(PACKAGE_FOLDER, "dist"), join(PACKAGE_FOLDER, "src")].includes(topFolder(file));
}

function topFolder(file: string): string {
  let folder = dirname(file);
  while (dirname(folder) !== PACKAGE_FOLDER && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
