import * as pulumi from "@pulumi/pulumi";

import { type LocalFile } from "./localFiles";

/** Type token of a document of a local region. */
export const LOCAL_DOCUMENT_TYPE = "pulumi-nodejs:dynamic/fullcode:Document";
/** Type token of a file with secret values of a local region. */
export const LOCAL_SECRET_FILE_TYPE = "pulumi-nodejs:dynamic/fullcode:SecretFile";

/**
 * The provider of both, as the engine keeps it in the state: a program that exports `handler`.
 *
 * `pulumi.dynamic.Resource` would put a serialized closure here, whose text changes with every release of the SDK and
 * with it every resource. This line never changes, loads the installed release's methods, and spares each run of the
 * program the compiler that serialization takes. `createRequire` resolves the package as the program itself does.
 */
const PROVIDER =
  'exports.handler = () => require("node:module").createRequire(process.cwd() + "/")("fullcode/local-provider");';

/** Inputs of both resources. */
export type LocalFileInputs = { [Key in keyof LocalFile]: pulumi.Input<LocalFile[Key]> };

abstract class LocalFileResource extends pulumi.CustomResource {
  declare readonly folder: pulumi.Output<string>;
  declare readonly file: pulumi.Output<string>;
  declare readonly content: pulumi.Output<LocalFile["content"]>;

  constructor(type: string, name: string, inputs: LocalFileInputs, options: pulumi.CustomResourceOptions) {
    super(type, name, { ...inputs, __provider: PROVIDER }, options);
  }
}

/** A document of a local region: a file in the region's folder. */
export class LocalDocument extends LocalFileResource {
  constructor(name: string, inputs: LocalFileInputs, options: pulumi.CustomResourceOptions) {
    super(LOCAL_DOCUMENT_TYPE, name, inputs, options);
  }
}

/** Secret values of a local region: a file in `secrets/`, encrypted in the state and masked in previews. */
export class LocalSecretFile extends LocalFileResource {
  constructor(name: string, inputs: LocalFileInputs, options: pulumi.CustomResourceOptions) {
    super(LOCAL_SECRET_FILE_TYPE, name, { ...inputs, content: pulumi.secret(inputs.content) }, options);
  }
}
