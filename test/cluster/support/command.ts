import { spawn } from "node:child_process";

export interface CommandOptions {
  /** Written to its standard input. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Ended after this time. */
  timeoutMs?: number;
}

/** Runs a program and returns what it prints; fails with what it says when it does not succeed. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { input = "", env = process.env, timeoutMs = 120_000 } = options;
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"], timeout: timeoutMs });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  child.stdin.on("error", () => undefined); // it may end without having read
  child.stdin.end(input);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) =>
    child.on("error", reject).on("close", (...end) => resolve(end)),
  );
  if (code === 0) return Buffer.concat(output).toString("utf8");
  const said = Buffer.concat([...errors, ...output])
    .toString("utf8")
    .trim();
  throw new Error(`${command} ${args.join(" ")} ended with ${signal ?? code}: ${said}`);
}
