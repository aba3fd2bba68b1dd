import { relative, sep } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import {
  agencyFileName,
  type Document as AnyDocument,
  documentFileName,
  PARAMS_FILE,
  SECRETS_FOLDER,
  variablesFileName,
} from "../../spec";
import { type ArgumentNames, problemsWithNames } from "../argumentNames";
import { transformDocument } from "../transformDocument";
import type {
  FunctionPlatform,
  FunctionResources,
  Params,
  Platform,
  RegionPlace,
  RegionPlan,
  RegionPlatform,
  RegionResources,
  SecretValues,
  Transform,
  TriggerDocument,
  TriggerResources,
} from "../platform";
import { localRegionFolder } from "./localFiles";
import { LocalDocument, LocalSecretFile } from "./localResources";
import { takePort } from "./ports";
import { findProjectFolder } from "./projectFolder";

/** Arguments of {@link local}. */
export interface LocalArgs {
  /**
   * Port on loopback that the region's endpoints are served at, 1 to 65535. Two regions with one port are an error.
   * @default the first free one from 4001 on, in the order that the program declares its regions
   */
  port?: number;
  /**
   * Parameters of this region, on top of the environment's and the app's: one that is named here has this value.
   * @default the environment's
   */
  params?: Params;
}

const NAMES: ArgumentNames<LocalArgs> = { port: true, params: true };

/**
 * A region on this machine: functions are processes, queues are files, and nothing else needs to be installed.
 *
 * Its resources are files in `.fullcode/<stack>/<environment>/<region>/`, beside Pulumi.yaml. `fullcode serve` serves
 * what `pulumi up` has written there; `fullcode dev` needs no `pulumi up`.
 */
export function local(args: LocalArgs = {}): Platform {
  return {
    kind: "local",
    plan({ place }, scope): RegionPlan {
      const { port, problem } = takePort(scope, place, args.port);
      const document = { url: `http://localhost:${port}`, port };
      return {
        problems: [...problemsWithNames(args, NAMES), ...(problem === undefined ? [] : [["port", problem] as const])],
        document,
        params: args.params,
        create: (region, parent) => new LocalRegion(place, region, parent),
      };
    },
  };
}

/** A region whose resources are files. */
class LocalRegion implements RegionPlatform {
  readonly url: pulumi.Output<string>;
  readonly insideUrl: pulumi.Output<string>;
  private readonly folder: string;
  /** Tells the resources of one component in several regions apart; names have no dots of their own. */
  private readonly suffix: string;

  constructor(
    private readonly place: RegionPlace,
    { document, params, transform }: RegionResources,
    parent: pulumi.ComponentResource,
  ) {
    this.folder = localRegionFolder(pulumi.getStack(), place.environment, place.region);
    this.suffix = `${place.environment}.${place.region}`;
    this.url = this.insideUrl = pulumi.output(document.url);
    this.write(this.suffix, document, parent, transform?.document);
    if (params !== undefined) this.writeSecret(this.suffix, PARAMS_FILE, { values: params }, parent, transform?.params);
  }

  createFunction(
    { document, code, variables, agency, transform }: FunctionResources,
    parent: pulumi.ComponentResource,
  ): FunctionPlatform {
    const name = `${document.name}.${this.suffix}`;
    this.write(name, { ...document, code: projectPath(code) }, parent, transform?.document);
    if (variables !== undefined) {
      const file = variablesFileName(document.name);
      this.writeSecret(name, file, { values: variables }, parent, transform?.variables);
    }
    if (agency !== undefined) {
      const file = agencyFileName(document.name);
      this.writeSecret(`${name}.agency`, file, { values: agency }, parent, transform?.agency);
    }
    return {};
  }

  createTrigger<Document extends TriggerDocument>(
    { document, transform }: TriggerResources<Document>,
    parent: pulumi.ComponentResource,
  ): void {
    this.write(`${document.name}.${this.suffix}`, document, parent, transform?.document);
  }

  private write<Document extends AnyDocument>(
    name: string,
    document: Document,
    parent: pulumi.ComponentResource,
    transform?: Transform<Document>,
  ): void {
    const options: pulumi.CustomResourceOptions = { parent };
    const content = transformDocument(document, transform, options, this.place);
    const file = documentFileName(content);
    new LocalDocument(name, { folder: this.folder, file, content: { ...content } }, options);
  }

  private writeSecret<Value>(
    name: string,
    file: string,
    secret: SecretValues<Value>,
    parent: pulumi.ComponentResource,
    transform?: Transform<SecretValues<Value>>,
  ): void {
    const options: pulumi.CustomResourceOptions = { parent };
    transform?.(secret, options, this.place);
    const inputs = { folder: this.folder, file: `${SECRETS_FOLDER}/${file}`, content: secret.values };
    new LocalSecretFile(name, inputs, options);
  }
}

/** Relative to the project, with forward slashes: the same on every machine. */
function projectPath(path: string): string {
  return relative(findProjectFolder(), path).split(sep).join("/") || ".";
}
