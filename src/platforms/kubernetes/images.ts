import * as pulumi from "@pulumi/pulumi";

import { BundleError } from "../../code/bundleError";
import { PackageError } from "../../code/packageArchive";
import {
  type BuiltImage,
  type FunctionContext,
  ImageError,
  type StagedContext,
  stageFunctionImage,
  stageGatewayImage,
} from "../../image";
import { GATEWAY_NAME } from "../../spec";
import { isEvaluation } from "../evaluation";
import { findProjectFolder } from "../local/projectFolder";
import type { FunctionResources } from "../platform";
import type { RegionSettings } from "./settings";
import { imageResourceName, SharedImages } from "./sharedImages";

/** What a function's image is made from. */
export type FunctionSource = Pick<FunctionResources, "document" | "code" | "baseImage">;

/** A function's image, and what an instance loads of it. */
export interface FunctionImage extends BuiltImage {
  entrypoint?: string;
}

/** Repository of the gateway's image, below the registry. */
const GATEWAY_REPOSITORY = "fullcode-gateway";

/**
 * The images of a program: what several regions need is staged and built once, and is a resource of what they share.
 */
export class Images {
  /** What was staged, or why it could not be. */
  private readonly contexts = new Map<string, FunctionContext | StagedContext | Error>();
  private readonly built = new Map<string, BuiltImage>();
  private readonly shared = new SharedImages();

  /** Adds a region, or says why its images cannot be those of regions before it: argument, message. */
  addRegion(settings: RegionSettings): (readonly [argument: string, message: string])[] {
    return this.shared.add(settings);
  }

  /** Says why a function has no image, or returns `undefined`. */
  problemWith(settings: RegionSettings, source: FunctionSource): string | undefined {
    if (isEvaluation()) return undefined;
    const context = this.stageFunction(settings, source);
    return context instanceof Error ? context.message : undefined;
  }

  /** Says why a gateway has no image, or returns `undefined`. */
  problemWithGateway(settings: RegionSettings): string | undefined {
    if (isEvaluation() || settings.gateway.image !== undefined) return undefined;
    const context = this.stageGateway(settings);
    return context instanceof Error ? context.message : undefined;
  }

  /** @param owner - The function. */
  ofFunction(settings: RegionSettings, source: FunctionSource, owner: pulumi.ComponentResource): FunctionImage {
    if (isEvaluation()) return notBuilt();
    const context = this.stageFunction(settings, source);
    if (context instanceof Error) throw context;
    const { name } = source.document;
    const image = this.once(`function ${imageResourceName(name, settings)}`, () => {
      for (const warning of context.warnings) void pulumi.log.warn(`FullCodeFunction "${name}": ${warning}`, owner);
      return this.build(name, name, settings, context, owner);
    });
    return { ...image, ...(context.entrypoint !== undefined && { entrypoint: context.entrypoint }) };
  }

  /** @param owner - The environment; of several, the first. */
  ofGateway(settings: RegionSettings, owner: pulumi.ComponentResource): pulumi.Input<string> {
    if (settings.gateway.image !== undefined) return settings.gateway.image;
    if (isEvaluation()) return notBuilt().reference;
    const context = this.stageGateway(settings);
    if (context instanceof Error) throw context;
    const key = `gateway ${imageResourceName(GATEWAY_NAME, settings)}`;
    return this.once(key, () => this.build(GATEWAY_NAME, GATEWAY_REPOSITORY, settings, context, owner)).reference;
  }

  private stageFunction(settings: RegionSettings, { document, code, baseImage }: FunctionSource) {
    const { nodeImage, platform, revision } = settings;
    const { secrets } = settings.imageBuilder;
    const { name, version, runtime, entrypoint } = document;
    const key = [code, name, version, runtime, entrypoint, baseImage, nodeImage, platform, revision, secrets];
    return this.stage(key, () =>
      stageFunctionImage({ ...folders(), document, code, baseImage, nodeImage, platform, revision, secrets }),
    );
  }

  private stageGateway({ nodeImage, platform }: RegionSettings) {
    return this.stage([nodeImage, platform], () => stageGatewayImage({ ...folders(), baseImage: nodeImage, platform }));
  }

  /** @returns What the code's author has to change, as a value. */
  private stage<Context extends StagedContext>(key: readonly unknown[], stage: () => Context): Context | Error {
    const text = JSON.stringify(key);
    const context = (this.contexts.get(text) as Context | Error | undefined) ?? attempt(stage);
    this.contexts.set(text, context);
    return context;
  }

  private build(
    name: string,
    repository: string,
    settings: RegionSettings,
    context: StagedContext,
    owner: pulumi.ComponentResource,
  ): BuiltImage {
    const { registry, platform, imageBuilder } = settings;
    const credentials = this.shared.credentialsOf(settings);
    const request = {
      repository: `${registry}/${repository}`,
      context,
      platform,
      ...(credentials !== undefined && { credentials }),
    };
    return imageBuilder.build(imageResourceName(name, settings), request, { parent: owner });
  }

  private once(key: string, create: () => BuiltImage): BuiltImage {
    const image = this.built.get(key) ?? create();
    this.built.set(key, image);
    return image;
  }
}

/** An image that is neither staged nor built, as its region is not deployed. */
function notBuilt(): BuiltImage {
  const later = pulumi.output(pulumi.unknown as unknown as string);
  return { reference: later, digest: later };
}

function folders() {
  return { projectFolder: findProjectFolder(), stack: pulumi.getStack() };
}

function attempt<Value>(stage: () => Value): Value | Error {
  try {
    return stage();
  } catch (error) {
    if (error instanceof ImageError || error instanceof PackageError || error instanceof BundleError) return error;
    throw error;
  }
}
