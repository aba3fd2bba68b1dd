import { readFile } from "node:fs/promises";

import { CliError } from "./errors";

/**
 * Reads a file, or the standard input for `-`.
 *
 * @throws CliError when the file cannot be read.
 */
export async function readInput(file: string): Promise<Buffer> {
  if (file === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  try {
    return await readFile(file);
  } catch (error) {
    throw new CliError(`${file}: ${(error as Error).message}`);
  }
}
