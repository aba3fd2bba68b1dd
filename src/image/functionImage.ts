import { join } from "node:path";

import { type FunctionDocument } from "../spec";
import { DEFAULT_BASE_IMAGE, DEFAULT_PLATFORM, requireImages, requirePlatform } from "./baseImages";
import { unpackFolder } from "./contextFolder";
import { planDependencies } from "./dependencies";
import { functionDockerfile } from "./dockerfile";
import { openCode, readFunctionCode } from "./functionCode";
import type { BuildSecrets } from "./imageBuilder";
import { imageLabels } from "./imageLabels";
import { instanceCommand } from "./imageLayout";
import { runtimeFiles } from "./runtimeFiles";
import { type FunctionContext, stageContext } from "./stagedContext";

/** Arguments of {@link stageFunctionImage}. */
export interface FunctionImageArgs {
  /** The project's folder. */
  projectFolder: string;
  stack: string;
  document: Pick<FunctionDocument, "name" | "version" | "runtime" | "entrypoint">;
  /** Absolute path of the folder or archive. */
  code: string;
  /**
   * What the image starts from. That of a Node.js function has `node` on its PATH; that of a custom runtime has what
   * the bootstrap needs, which may be nothing at all (`scratch`).
   * @default `nodeImage`
   */
  baseImage?: string;
  /**
   * Where dependencies are installed, and where the Node.js of a custom runtime's agent comes from: an image with
   * `node`, `npm` and a shell, of the same release and C library as the base image of a Node.js function. Native
   * modules without prebuilt binaries need one with a compiler.
   * @default `baseImage` for a Node.js function, "node:22-slim" for a custom runtime
   */
  nodeImage?: string;
  /** @default "linux/amd64" */
  platform?: string;
  /**
   * Label `org.opencontainers.image.revision`. Part of the image: each revision is a new one, of an unchanged function
   * too. Hence it is never looked up here; version and source hash change with the code only.
   * @default no label
   */
  revision?: string;
  /**
   * What the builder gives to the installation of dependencies.
   * @default nothing
   */
  secrets?: BuildSecrets;
}

/**
 * Stages what a function's image is built from. Runs the same, and gives the same, in a preview and on every machine.
 *
 * @throws ImageError, PackageError for an archive that cannot be used, BundleError for TypeScript that does not compile.
 */
export function stageFunctionImage(args: FunctionImageArgs): FunctionContext {
  const { projectFolder, stack, document, platform = DEFAULT_PLATFORM, revision, secrets } = args;
  const { name, version, runtime } = document;
  const custom = runtime === "custom";
  const nodeImage = args.nodeImage ?? (custom ? undefined : args.baseImage) ?? DEFAULT_BASE_IMAGE;
  const baseImage = args.baseImage ?? nodeImage;
  requireImages(baseImage, nodeImage);
  requirePlatform(platform);
  const source = openCode(args.code, join(projectFolder, unpackFolder(stack, name)));
  const dependencies = source.installed ? planDependencies(source.path, secrets) : undefined;
  const code = readFunctionCode(source, document, dependencies);
  const context = stageContext({
    projectFolder,
    stack,
    name,
    platform,
    files: [...runtimeFiles(runtime), ...(dependencies?.files ?? []), ...code.files],
    dockerfile: (hash) =>
      functionDockerfile({
        baseImage,
        nodeImage,
        bringsNode: custom,
        dependencies,
        secrets,
        environment: custom ? {} : { NODE_ENV: "production" },
        labels: imageLabels({ title: name, version, revision, baseImage, hash }),
        command: instanceCommand(runtime),
      }),
  });
  const warnings = [...(dependencies?.warnings ?? []), ...code.warnings];
  const taken = dependencies === undefined ? [] : (secrets?.names ?? []);
  return {
    ...context,
    secrets: taken,
    warnings,
    ...(code.entrypoint !== undefined && { entrypoint: code.entrypoint }),
  };
}
