import { posix } from "node:path";

import { heapArguments, IMAGE_CODE_FOLDER, IMAGE_GATEWAY_FILE, IMAGE_RUNTIME_FOLDER, limits } from "../spec";

/** Where a context has what dependencies are installed by. */
export const MANIFESTS_FOLDER = "manifests";
/** User and group that run in images: no base image needs to know them by name. */
export const IMAGE_USER = "1000:1000";
/** Where an image of a custom runtime has a Node.js of its own, for the agent. */
export const IMAGE_NODE_FILE = "/fullcode/bin/node";
/** The libraries of that Node.js, the C library and its loader among them. */
export const IMAGE_LIBRARY_FOLDER = "/fullcode/lib";

/**
 * What starts an instance in an image of this project.
 *
 * A custom runtime's base image may have another C library, an older one or none, so the agent's Node.js is started by
 * the loader that it came with. Other than by an environment variable, the bootstrap inherits nothing of it.
 */
export function instanceCommand(runtime: "nodejs" | "custom", { memoryMiB }: { memoryMiB?: number } = {}): string[] {
  if (runtime === "custom")
    return [
      `${IMAGE_LIBRARY_FOLDER}/ld.so`,
      "--library-path",
      IMAGE_LIBRARY_FOLDER,
      IMAGE_NODE_FILE,
      posix.join(IMAGE_RUNTIME_FOLDER, "agent/main.js"),
    ];
  return [
    "node",
    "--enable-source-maps",
    ...(memoryMiB === undefined ? [] : heapArguments(memoryMiB, limits.HEAP_SHARE)),
    posix.join(IMAGE_RUNTIME_FOLDER, "node/main.js"),
  ];
}

/** What starts a gateway in its image, with arguments of Node.js. */
export function gatewayCommand(nodeArguments: readonly string[] = []): string[] {
  return ["node", "--enable-source-maps", ...nodeArguments, IMAGE_GATEWAY_FILE];
}

export { IMAGE_CODE_FOLDER, IMAGE_GATEWAY_FILE, IMAGE_RUNTIME_FOLDER };
