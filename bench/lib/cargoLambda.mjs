import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

const VERSION = "1.9.*";
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "fullcode-bench", "cargo-lambda");

/**
 * Installs cargo-lambda from its PyPI wheel, which ships the binary, into a virtual environment in the user's cache.
 *
 * @returns the binary, or why there is none.
 */
export function installCargoLambda() {
  const binary = join(CACHE, "bin", "cargo-lambda");
  try {
    // `lambda watch` reads a Cargo manifest even when it starts no function
    execFileSync("cargo", ["--version"], { stdio: "ignore" });
  } catch {
    return { missing: "it needs `cargo` on PATH" };
  }
  if (existsSync(binary)) return { binary };
  try {
    execFileSync("python3", ["-m", "venv", CACHE], { stdio: "pipe" });
    execFileSync(join(CACHE, "bin", "pip"), ["install", "--quiet", `cargo-lambda==${VERSION}`], { stdio: "pipe" });
  } catch (error) {
    return { missing: `python3 with venv and pip is needed to install it: ${error.message}` };
  }
  return { binary };
}

/** An empty Cargo package, in a temporary folder. */
export async function emptyCargoPackage() {
  const folder = await mkdtemp(join(tmpdir(), "fullcode-bench-"));
  await mkdir(join(folder, "src"));
  await writeFile(join(folder, "Cargo.toml"), '[package]\nname = "empty"\nversion = "0.1.0"\nedition = "2021"\n');
  await writeFile(join(folder, "src", "main.rs"), "fn main() {}\n");
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
