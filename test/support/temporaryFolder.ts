import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder for each test of the file it is called in, removed after the test. */
export function temporaryFolder(): () => string {
  let folder = "";
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "fullcode-")));
  });
  afterEach(async () => {
    // processes that were told to end may still write for a moment
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
  return () => folder;
}
