/** A folder that an image is built from. */
export interface StagedContext {
  /** Absolute path. */
  path: string;
  /** Relative to the project's folder, with forward slashes: the same on every machine. */
  folder: string;
  /** Hash of the folder's content and of the platform, the same on every machine. A new one is another image. */
  hash: string;
  /** What the function's author should know, a sentence each. */
  warnings: readonly string[];
}

/** A function's {@link StagedContext}. */
export interface FunctionContext extends StagedContext {
  /** What an instance of a Node.js function loads, relative to the code in the image: TypeScript is bundled. */
  entrypoint?: string;
}
