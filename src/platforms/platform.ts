import type * as pulumi from "@pulumi/pulumi";

import type {
  CronDocument,
  FunctionDocument,
  QueueDocument,
  RegionDocument,
  RouteDocument,
} from "../spec/documentTypes";
import type { EgressRule } from "./egress";

/** What a trigger is, as the gateway reads it. */
export type TriggerDocument = RouteDocument | QueueDocument | CronDocument;

/** Values of an app's parameters. */
export type ParamValue = string | number | boolean;

/** Parameters: each handler receives them as `req.appParams`, of the types they have here. */
export type Params = Record<string, pulumi.Input<ParamValue>>;

/** Where a region is. */
export interface RegionPlace {
  /** Name of the region's environment. */
  environment: string;
  /** Name of the region. */
  region: string;
}

/**
 * Changes a child resource before it is registered: edit the arguments and the options in place.
 *
 * @param args - What the child is made from. What it becomes must still be valid.
 * @param options - Resource options of the child.
 * @param place - The region that the child is in.
 */
export type Transform<Args> = (args: Args, options: pulumi.CustomResourceOptions, place: RegionPlace) => void;

/** Secret values of a child, before they are written. */
export interface SecretValues<Value> {
  /** The values by name. Assign others to change them. */
  values: pulumi.Input<Record<string, Value>>;
}

/** Where the documents and processes of a region live. Made by `local()` or `kubernetes()`. */
export interface Platform {
  /** What kind of platform this is. */
  readonly kind: string;
  /**
   * Settles what a region needs before any resource is made, such as its port or its namespace.
   * @internal
   * @param scope - Stands for the program; what regions share is kept by it.
   */
  plan(region: PlannedRegion, scope: object): RegionPlan;
}

/** A region of which nothing has been made yet. */
export interface PlannedRegion {
  app: string;
  place: RegionPlace;
}

/** A region that is about to be made. */
export interface RegionPlan {
  /** What is wrong with the platform's arguments: argument (empty for the platform as a whole), message. */
  readonly problems: readonly (readonly [argument: string, message: string])[];
  /** What the platform adds to the region's document. */
  readonly document: Pick<RegionDocument, "url" | "port" | "trustedProxies">;
  /** The region's own parameters, as they were given. */
  readonly params?: Params;
  /** Makes the region's own resources. */
  create(region: RegionResources, parent: pulumi.ComponentResource): RegionPlatform;
}

/** What every region has. */
export interface RegionResources {
  document: RegionDocument;
  /** The environment: parent of what its regions share. */
  owner: pulumi.ComponentResource;
  /** The app's parameters with those of the environment and of the region on top, where there are any. */
  params?: pulumi.Input<Record<string, ParamValue>>;
  transform?: {
    /** Changes the region's document: `url`, which handlers see as `apiBaseUrl`, and `trustedProxies`, say. */
    document?: Transform<RegionDocument>;
    /** Changes the parameters that the region's handlers get, all layers merged. Not called where there are none. */
    params?: Transform<SecretValues<ParamValue>>;
  };
}

/** A region, to put functions and triggers into. */
export interface RegionPlatform {
  /** Base address of the endpoints, as clients have it. */
  readonly url: pulumi.Output<string>;
  /** Base address for those inside: pods of the cluster, programs of the machine. */
  readonly insideUrl: pulumi.Output<string>;
  /** What makes the region's objects in its cluster, where it is in one. */
  readonly provider?: pulumi.ProviderResource;
  /** Namespace of the region's objects, where it is in a cluster. */
  readonly namespace?: pulumi.Output<string>;
  /** Whether functions run from images, which leave some files of the code out, rather than from its folder. */
  readonly runsImages?: boolean;
  /** Says why a function's code cannot be run in the region, or returns `undefined` where it can. */
  problemWithFunction?(source: Pick<FunctionResources, "document" | "code" | "baseImage">): string | undefined;
  createFunction(resources: FunctionResources, parent: pulumi.ComponentResource): FunctionPlatform;
  createTrigger<Document extends TriggerDocument>(
    resources: TriggerResources<Document>,
    parent: pulumi.ComponentResource,
  ): void;
}

/** What a function is in a region. */
export interface FunctionResources {
  document: FunctionDocument;
  /** The function: parent of what its regions share. */
  owner: pulumi.ComponentResource;
  /** Absolute path of the folder or archive. */
  code: string;
  /** Custom environment variables, where there are any. */
  variables?: pulumi.Input<Record<string, string>>;
  /** Credentials of the function's agency, where there are any. */
  agency?: pulumi.Input<Record<string, string>>;
  /** Image that the function's code runs in, where it names one. */
  baseImage?: string;
  /** Where its code may connect to. */
  egress?: readonly EgressRule[];
  transform?: {
    /** Changes the function's document. Name, version, runtime, entrypoint, code and image stay as they are. */
    document?: Transform<FunctionDocument>;
    /** Changes the function's variables. Not called where there are none. */
    variables?: Transform<SecretValues<string>>;
    /** Changes the credentials of the function's agency. Not called where there are none. */
    agency?: Transform<SecretValues<string>>;
  };
}

/** What a function has become in a region. */
export interface FunctionPlatform {
  /** Digest of the function's image; absent where functions are not run from images. */
  readonly imageDigest?: pulumi.Output<string>;
}

/** What a trigger is in a region. */
export interface TriggerResources<Document extends TriggerDocument> {
  document: Document;
  transform?: {
    /** Changes the trigger's document. Its name and function stay as they are. */
    document?: Transform<Document>;
  };
}
