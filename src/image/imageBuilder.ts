import type * as pulumi from "@pulumi/pulumi";

import type { StagedContext } from "./stagedContext";

/** What logs in at a registry. */
export interface RegistryCredentials {
  /**
   * Host of the registry, with its port where it is not 443.
   * @default the host of the image's repository
   */
  server?: pulumi.Input<string>;
  /** Name of the user or of the robot account. */
  username: pulumi.Input<string>;
  /** Password or token, kept as a secret. */
  password: pulumi.Input<string>;
}

/** Variables that a builder gives to the installation of dependencies, and that no image has. */
export interface BuildSecrets {
  /** Names, as `.npmrc` has them: `NPM_TOKEN` for `${NPM_TOKEN}`. */
  names: readonly string[];
  /**
   * How the Dockerfile takes them: `argument` by an `ARG` of the stage that installs, which every builder has; `mount` by
   * a secret mount of BuildKit whose id is the name.
   */
  by: "argument" | "mount";
}

/** An image to build and to push. */
export interface ImageRequest {
  /** Where it is pushed to, without a tag: `registry.example.com/shop/orders`. */
  repository: string;
  /** What it is built from. */
  context: StagedContext;
  /**
   * Operating system and architecture of the nodes that run it.
   * @default "linux/amd64"
   */
  platform?: string;
  /**
   * What logs in at the registry.
   * @default what the machine that builds is logged in with
   */
  credentials?: RegistryCredentials;
}

/** An image in its registry. */
export interface BuiltImage {
  /** `registry.example.com/shop/orders@sha256:…`. */
  reference: pulumi.Output<string>;
  /** `sha256:…`. */
  digest: pulumi.Output<string>;
}

/** Builds images and pushes them to their registry: one resource, or a few, an image. */
export interface ImageBuilder {
  /**
   * What {@link ImageBuilder.build} gives to builds whose context names it in `secrets`.
   * @default none
   */
  readonly secrets?: BuildSecrets;
  /**
   * Registers what builds one image.
   *
   * @param name - Of the resource.
   * @param options - Resource options, the parent among them.
   */
  build(name: string, request: ImageRequest, options: pulumi.CustomResourceOptions): BuiltImage;
}
