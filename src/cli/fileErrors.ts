import { getSystemErrorMap } from "node:util";

const READING = new Set(["read", "scandir", "stat", "lstat", "readlink", "realpath", "access"]);
const OF_SOCKETS = new Set(["listen", "bind", "connect", "accept", "getaddrinfo", "kill", "spawn"]);

/**
 * What the file system refuses, in words, where the error is one of it.
 *
 * @param file - What it is about, where the error does not say: a write to an open file knows no path.
 */
export function fileProblem(error: unknown, file?: string): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, errno, syscall, path = file, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (code === undefined || errno === undefined || syscall === undefined || path === undefined) return undefined;
  const [, words] = getSystemErrorMap().get(errno) ?? [];
  if (words === undefined || OF_SOCKETS.has(syscall.split(" ")[0])) return undefined;
  const verb = syscall === "open" && code === "EACCES" ? "open" : READING.has(syscall) ? "read" : "write";
  return `Cannot ${verb} ${dest ?? path}: ${words} (${code})`;
}
