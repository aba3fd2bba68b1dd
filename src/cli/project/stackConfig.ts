import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseEnv } from "node:util";

import { z } from "zod";

import { CliError } from "../errors";
import { type Decrypter, passphraseDecrypter, passphraseFromEnvironment } from "./passphrase";
import { kindOf, parseYaml, type Project } from "./project";

/** A stack's configuration, ready for a program: every value a string, as the Pulumi engine hands them over. */
export interface StackConfig {
  values: Record<string, string>;
  secretKeys: string[];
}

const stackFile = z.looseObject({
  encryptionsalt: z.string().optional(),
  secretsprovider: z.string().optional(),
  config: z.record(z.string(), z.unknown()).nullish(),
});
type StackFile = z.infer<typeof stackFile>;

interface ConfigFiles {
  stackFile: string;
  overrideFile: string;
}

/** The files of a stack's configuration, whether they exist or not. Values in the second win. */
export function stackConfigFiles(project: Project, stack: string): ConfigFiles {
  return {
    stackFile: join(project.configFolder, `Pulumi.${stack}.yaml`),
    overrideFile: join(project.folder, `.env.${stack}`),
  };
}

/**
 * Reads the configuration of a stack without the Pulumi CLI, later ones winning: defaults of Pulumi.yaml,
 * `Pulumi.<stack>.yaml`, and `.env.<stack>` with a `key=value` or `project:key=value` a line, which is meant for values of
 * one machine and stays out of version control.
 *
 * @throws CliError when a file is malformed, a required value is missing, or a secret cannot be decrypted.
 */
export async function readStackConfig(
  project: Project,
  stack: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<StackConfig> {
  const files = stackConfigFiles(project, stack);
  const [text, overrideText] = await Promise.all([readIfThere(files.stackFile), readIfThere(files.overrideFile)]);
  const stackValues = text === undefined ? {} : readStackFile(text, files.stackFile);
  const overrides = qualifyKeys(project, overrideText === undefined ? {} : readOverrides(overrideText, files));
  const entries = qualifyKeys(project, stackValues.config ?? {});
  const decrypter = lazyDecrypter(stackValues, files, environment);

  const config: StackConfig = { values: projectDefaults(project, files, { ...entries, ...overrides }), secretKeys: [] };
  for (const [key, value] of Object.entries(entries)) {
    const secret = containsSecret(value);
    if (secret) config.secretKeys.push(key);
    if (key in overrides) continue;
    config.values[key] = asText(secret ? decryptAll(value, await decrypter(key)) : value);
  }
  Object.assign(config.values, overrides);
  return config;
}

/**
 * What is no assignment has no effect, and is a value that is missing later. Values in quotes may go on over lines.
 *
 * @throws CliError that names the line.
 */
function readOverrides(text: string, { overrideFile }: ConfigFiles): NodeJS.Dict<string> {
  let quote: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (quote !== undefined) {
      if (line.includes(quote)) quote = undefined;
      continue;
    }
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, value] = /^\s*(?:export\s+)?[^\s=#]+\s*=\s*(.*)$/.exec(line) ?? [];
    if (value === undefined)
      throw new CliError(`${overrideFile}:${index + 1}: this line is no assignment such as "key=value".`);
    const [first] = value;
    if (/["'`]/.test(first ?? "") && !value.slice(1).includes(first)) quote = first;
  }
  return parseEnv(text);
}

function readStackFile(text: string, file: string): StackFile {
  const content = parseYaml(text, file) ?? {};
  if (typeof content !== "object" || Array.isArray(content))
    throw new CliError(`${file}: it has to be a mapping with "config:", and is ${kindOf(content)}.`);
  const result = stackFile.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new CliError(`${file}: ${issue?.path.join(".")}: ${issue?.message}`);
}

/** A key without a namespace belongs to the project. */
function qualifyKeys<T>(project: Project, entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries).map(([key, value]) => [key.includes(":") ? key : `${project.name}:${key}`, value]),
  );
}

const declaration = z.looseObject({
  default: z.unknown().optional(),
  value: z.unknown().optional(),
  type: z.string().optional(),
});

/** Values of Pulumi.yaml: plain, or declared with `default` or `value`; declared without either, the stack sets it. */
function projectDefaults(
  project: Project,
  { overrideFile }: ConfigFiles,
  set: Record<string, unknown>,
): Record<string, string> {
  const defaults: Record<string, string> = {};
  for (const [key, entry] of Object.entries(qualifyKeys(project, project.config))) {
    const declared = Array.isArray(entry) ? undefined : declaration.safeParse(entry).data;
    const value = declared === undefined ? entry : (declared.default ?? declared.value);
    if (value !== undefined) defaults[key] = asText(value);
    else if (!(key in set))
      throw new CliError(
        `${project.file}: config: "${key}" has no default, and the stack sets none. ` +
          `Set it with "pulumi config set ${key} <value>", or as a line "${key}=<value>" in ${basename(overrideFile)}.`,
      );
  }
  return defaults;
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** Encrypted values are written as `{ secure: <ciphertext> }`, at any depth. */
function encryptedText(value: object): string | undefined {
  const { secure, ...others } = value as { secure?: unknown };
  return typeof secure === "string" && Object.keys(others).length === 0 ? secure : undefined;
}

function containsSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return encryptedText(value) !== undefined || Object.values(value).some(containsSecret);
}

function decryptAll(value: unknown, decrypter: Decrypter): unknown {
  if (typeof value !== "object" || value === null) return value;
  const encrypted = encryptedText(value);
  if (encrypted !== undefined) return decrypter.decrypt(encrypted);
  if (Array.isArray(value)) return value.map((item) => decryptAll(item, decrypter));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decryptAll(item, decrypter)]));
}

/** Derives the key when the first secret needs it: that takes a good part of a second. */
function lazyDecrypter(
  { encryptionsalt: salt, secretsprovider: provider }: StackFile,
  files: ConfigFiles,
  environment: NodeJS.ProcessEnv,
): (key: string) => Promise<Decrypter> {
  let decrypter: Promise<Decrypter> | undefined;
  const create = async (key: string): Promise<Decrypter> => {
    const instead = `or give the value for this machine as a line "${key}=<value>" in ${files.overrideFile}.`;
    if (salt === undefined || (provider !== undefined && provider !== "passphrase"))
      throw new CliError(
        `${files.stackFile}: "${key}" is encrypted by ${provider ?? "the Pulumi service"}, and only secrets of the ` +
          `passphrase provider can be read here. Change it with "pulumi stack change-secrets-provider passphrase", ${instead}`,
      );
    const passphrase = await passphraseFromEnvironment(environment);
    if (passphrase === undefined)
      throw new CliError(
        `${files.stackFile}: "${key}" is encrypted and no passphrase is set. Set PULUMI_CONFIG_PASSPHRASE or ` +
          `PULUMI_CONFIG_PASSPHRASE_FILE, ${instead}`,
      );
    return passphraseDecrypter(passphrase, salt);
  };
  return (key) => (decrypter ??= create(key));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CliError(`${file}: ${(error as Error).message}`);
  }
}
