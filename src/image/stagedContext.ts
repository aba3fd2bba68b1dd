import { type ContextFile, hashContext, textFile } from "./contextFiles";
import { contextFolder, writeContext } from "./contextFolder";

/** A folder that an image is built from. */
export interface StagedContext {
  /** Absolute path. */
  path: string;
  /** Relative to the project's folder, with forward slashes: the same on every machine. */
  folder: string;
  /** Hash of the folder's content and of the platform, the same on every machine. A new one is another image. */
  hash: string;
  /** Names of the builder's secrets that the build takes. */
  secrets: readonly string[];
  /** What the function's author should know, a sentence each. */
  warnings: readonly string[];
}

/** A function's {@link StagedContext}. */
export interface FunctionContext extends StagedContext {
  /** What an instance of a Node.js function loads, relative to the code in the image: TypeScript is bundled. */
  entrypoint?: string;
}

/**
 * Writes a context into the project's folder.
 *
 * @param options.dockerfile - Makes the Dockerfile, which labels the image with the hash of what it is built from.
 */
export function stageContext(options: {
  projectFolder: string;
  stack: string;
  name: string;
  platform: string;
  files: readonly ContextFile[];
  dockerfile: (hash: string) => string;
}): Pick<StagedContext, "path" | "folder" | "hash"> {
  const { projectFolder, stack, name, platform, files, dockerfile } = options;
  const withDockerfile = (hash: string): ContextFile[] => [...files, textFile("Dockerfile", dockerfile(hash))];
  const hash = hashContext(withDockerfile(""), platform);
  const folder = contextFolder(stack, name, hash);
  return { path: writeContext(projectFolder, folder, withDockerfile(hash)), folder, hash };
}
