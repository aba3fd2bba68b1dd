import * as pulumi from "@pulumi/pulumi";

import {
  agencyFileName,
  FUNCTION_LABEL,
  type FunctionDocument,
  INSTANCE_SECRETS_FOLDER,
  PARAMS_FILE,
  variablesFileName,
} from "../../spec";
import type { FunctionResources, RegionPlace, SecretValues, Transform } from "../platform";
import type { CreatedObject, RegionObjects } from "./regionObjects";

/** Key of a function's Secret with what it shows to gateways. */
export const LINK_TOKEN_KEY = "token";

/** A file of a Secret, as a pod mounts it. */
export interface SecretFile {
  secretName: pulumi.Input<string>;
  key: string;
}

/** Secrets of one function. A changed one has another name, which rolls the function's pods. */
export interface FunctionSecrets {
  /** Name of the Secret with {@link LINK_TOKEN_KEY}. */
  link: pulumi.Output<string>;
  /** Name of the Secret whose keys are environment variables. */
  environment?: pulumi.Output<string>;
  params?: SecretFile;
  variables?: SecretFile;
  agency?: SecretFile;
}

export interface FunctionSecretsArgs extends Pick<FunctionResources, "variables" | "agency" | "transform"> {
  document: FunctionDocument;
  token: pulumi.Output<string>;
  /** The region's Secret with the app's parameters, where there are any. */
  params: CreatedObject | undefined;
  place: RegionPlace;
}

/** Path of a mounted Secret's file. */
export function secretFilePath({ key }: SecretFile): string {
  return `${INSTANCE_SECRETS_FOLDER}/${key}`;
}

export function createFunctionSecrets(
  objects: RegionObjects,
  name: string,
  { document, token, params, variables, agency, place, transform }: FunctionSecretsArgs,
  parent: pulumi.Resource,
): FunctionSecrets {
  const create = (
    suffix: string,
    stringData: pulumi.Input<Record<string, pulumi.Input<string>>>,
    options: pulumi.CustomResourceOptions = { parent },
  ) => {
    const labels = { [FUNCTION_LABEL]: document.name };
    const identity = { objectName: undefined, name: document.name, component: "function", labels };
    return objects.create("Secret", `${name}.${suffix}`, identity, { stringData }, options).metadata.name;
  };
  const secrets: FunctionSecrets = { link: create("link", { [LINK_TOKEN_KEY]: token }) };
  if (params !== undefined) secrets.params = { secretName: params.metadata.name, key: PARAMS_FILE };
  if (variables !== undefined) {
    const { values, options } = changed(variables, transform?.variables, parent, place);
    if (document.runtime === "nodejs") {
      secrets.environment = create("variables", pulumi.secret(values), options);
    } else {
      const key = variablesFileName(document.name);
      secrets.variables = { secretName: create("variables", { [key]: json(values) }, options), key };
    }
  }
  if (agency !== undefined) {
    const { values, options } = changed(agency, transform?.agency, parent, place);
    const key = agencyFileName(document.name);
    secrets.agency = { secretName: create("agency", { [key]: json(values) }, options), key };
  }
  return secrets;
}

/** Makes the Secret with an app's parameters, of which there is one a region. */
export function createParams(
  objects: RegionObjects,
  name: string,
  params: pulumi.Input<Record<string, unknown>>,
  options: pulumi.CustomResourceOptions,
): CreatedObject {
  const identity = { objectName: undefined, name: "params", component: "params" };
  return objects.create("Secret", `${name}.params`, identity, { stringData: { [PARAMS_FILE]: json(params) } }, options);
}

/** Secret values as their transform makes them, and the options of their resource. */
export function changed<Value>(
  values: SecretValues<Value>["values"],
  transform: Transform<SecretValues<Value>> | undefined,
  parent: pulumi.Resource,
  place: RegionPlace,
): { values: SecretValues<Value>["values"]; options: pulumi.CustomResourceOptions } {
  const secret = { values };
  const options: pulumi.CustomResourceOptions = { parent };
  transform?.(secret, options, place);
  return { values: secret.values, options };
}

function json(values: pulumi.Input<Record<string, unknown>>): pulumi.Output<string> {
  return pulumi.secret(values).apply((resolved) => JSON.stringify(resolved));
}
