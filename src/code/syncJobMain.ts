/** The process of syncJob.ts: reads a job from its standard input, and writes what came of it to its standard output. */
import { text } from "node:stream/consumers";

import { BundleError } from "./bundleError";
import { PackageError } from "./packageArchive";
import { type SyncJob, type SyncResult } from "./syncJob";

async function doJob(job: SyncJob): Promise<SyncResult> {
  try {
    if (job.kind === "unpack") {
      const { unpackArchive } = await import("./packageUnpack.js");
      return { value: await unpackArchive(job.file, job.cacheFolder) };
    }
    const { bundleForImage } = await import("./imageBundle.js");
    return { value: await bundleForImage(job.options) };
  } catch (error) {
    if (error instanceof BundleError) return { bundleProblems: error.problems };
    if (error instanceof PackageError) return { packageFile: error.file, packageProblem: error.problem };
    return { unexpected: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

void text(process.stdin)
  .then((input) => doJob(JSON.parse(input) as SyncJob))
  .then((result) => process.stdout.write(JSON.stringify(result)));
