import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../../examples/custom-runtimes/go", import.meta.url));

/**
 * Builds the Go example into a temporary folder.
 *
 * @returns the folder with `bootstrap`, or why there is none.
 */
export async function buildGoBootstrap() {
  if (!existsSync(SOURCE)) return { missing: "examples/custom-runtimes/go is missing" };
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
  } catch {
    return { missing: "`go` is not on PATH" };
  }
  const folder = await mkdtemp(join(tmpdir(), "fullcode-bench-"));
  execFileSync("go", ["build", "-o", join(folder, "bootstrap"), "."], { cwd: SOURCE, stdio: "inherit" });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
