import { createRequire } from "node:module";
import { relative, sep } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULT_PLATFORM } from "./baseImages";
import type { BuiltImage, ImageBuilder, ImageRequest, RegistryCredentials } from "./imageBuilder";

/** Arguments of a `docker.Image`, as far as they are set here. */
export interface DockerImageArgs {
  /** `<repository>:<hash of the context>`. */
  imageName: pulumi.Input<string>;
  /** What is built, and how. */
  build: {
    /** Relative to the program's folder, in which the provider runs. */
    context: string;
    /** Path of the Dockerfile, relative as the context is. */
    dockerfile: string;
    /** Operating system and architecture: `linux/amd64`. */
    platform: string;
    /** Values of the Dockerfile's `ARG`s, which are those of {@link DockerImageBuilderOptions.secrets}. */
    args?: Record<string, pulumi.Input<string>>;
    /** Further arguments of the build, such as `network`, `addHosts`, `cacheFrom` or `builderVersion`. */
    [argument: string]: unknown;
  };
  /** What logs in at the registry; absent where the Docker CLI of this machine does. */
  registry?: {
    /** Host of the registry. */
    server: pulumi.Input<string>;
    /** Name of the user or of the robot account. */
    username: pulumi.Input<string>;
    /** Password or token, a secret. */
    password: pulumi.Input<string>;
  };
}

/** Options of {@link dockerImageBuilder}. */
export interface DockerImageBuilderOptions {
  /**
   * Variables that the installation of a function's dependencies has, such as the token that `${NPM_TOKEN}` of `.npmrc` stands
   * for. They are build arguments of a stage that is neither pushed nor part of the image, and secrets of the stack's
   * state. A changed value builds the images of functions with dependencies again: take one that lasts, and the same for
   * everybody, from the stack's configuration.
   * @default none
   */
  secrets?: Readonly<Record<string, pulumi.Input<string> | undefined>>;
  /**
   * Changes the arguments of each `docker.Image` before it is registered: edit them in place. Pods use the image from
   * where its `imageName` pushes it to.
   * @default they stay as they are
   */
  transform?: (args: DockerImageArgs, options: pulumi.CustomResourceOptions) => void;
}

/**
 * Builds with the Docker Engine that the Docker CLI of this machine uses, by `docker.Image` of `@pulumi/docker`.
 *
 * The tag is the hash of the context, so an unchanged context is an unchanged resource. Nothing is built in a preview.
 *
 * @throws RunError for a secret whose name no variable can have; from `build` when `@pulumi/docker` is not installed.
 */
export function dockerImageBuilder({ transform, secrets = {} }: DockerImageBuilderOptions = {}): ImageBuilder {
  const values = givenSecrets(secrets);
  return {
    secrets: { names: [...values.keys()].sort(), by: "argument" },
    build(name, request, resourceOptions): BuiltImage {
      const { Image } = loadDocker();
      const args = imageArgs(request, values);
      const options = { ...resourceOptions };
      transform?.(args, options);
      // the image's own word for where it is: a transform may have sent it elsewhere
      const reference = new Image(name, args, options).repoDigest.apply(checkReference);
      return { reference, digest: reference.apply((text) => text.slice(text.indexOf("@") + 1)) };
    },
  };
}

/** What is not set in an environment is given by nobody. */
function givenSecrets(secrets: NonNullable<DockerImageBuilderOptions["secrets"]>): Map<string, pulumi.Output<string>> {
  const values = new Map<string, pulumi.Output<string>>();
  for (const [name, value] of Object.entries(secrets)) {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new pulumi.RunError(`dockerImageBuilder: secrets: "${name}" is no name of a variable, such as "NPM_TOKEN"`);
    if (value !== undefined) values.set(name, pulumi.secret(value));
  }
  return values;
}

function imageArgs(
  { repository, context, platform, credentials }: ImageRequest,
  secrets: ReadonlyMap<string, pulumi.Output<string>>,
): DockerImageArgs {
  const taken = [...secrets].filter(([name]) => context.secrets.includes(name));
  const folder = relative(process.cwd(), context.path).split(sep).join("/");
  return {
    imageName: `${repository}:${context.hash}`,
    // without a platform it would be that of whoever builds, and another one's build a change
    build: {
      context: folder,
      dockerfile: `${folder}/Dockerfile`,
      platform: platform ?? DEFAULT_PLATFORM,
      ...(taken.length > 0 && { args: Object.fromEntries(taken) }),
    },
    ...(credentials !== undefined && { registry: registryArgs(repository, credentials) }),
  };
}

function registryArgs(repository: string, { server, username, password }: RegistryCredentials) {
  return { server: server ?? registryOf(repository), username, password: pulumi.secret(password) };
}

/** The registry's host; a repository whose first part is no host is one of Docker Hub. */
function registryOf(repository: string): string {
  const [host] = repository.split("/", 1);
  return repository.includes("/") && (/[.:]/.test(host) || host === "localhost") ? host : "docker.io";
}

/** An image that was built and not pushed has the id of this machine's copy instead, as one that a preview builds. */
function checkReference(repoDigest: string): string {
  if (/^[^@]+@sha256:[0-9a-f]{64}$/.test(repoDigest) || pulumi.runtime.isDryRun()) return repoDigest;
  throw new pulumi.RunError(`the image was built, but its registry returned no digest for it: "${repoDigest}"`);
}

/** An optional peer: whoever has local regions only needs no Docker. */
function loadDocker(): typeof import("@pulumi/docker") {
  try {
    return createRequire(__filename)("@pulumi/docker") as typeof import("@pulumi/docker");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "MODULE_NOT_FOUND" || !message.includes("@pulumi/docker")) throw error;
    throw new pulumi.RunError(
      "images are built by the package @pulumi/docker, which is not installed; run `npm install @pulumi/docker`",
    );
  }
}
