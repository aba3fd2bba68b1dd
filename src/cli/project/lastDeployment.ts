import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";

import { z } from "zod";

import { CliError } from "../errors";
import { type Decrypter, passphraseDecrypter, passphraseFromEnvironment } from "./passphrase";
import { type Project } from "./project";

/** What a stack's last deployment knows of its resources. */
export interface LastDeployment {
  /**
   * Id and outputs of a resource, secrets in the envelopes that the Pulumi SDK reads; `undefined` where the deployment
   * has no such resource.
   *
   * @throws CliError when its secrets cannot be decrypted.
   */
  resource(urn: string): Promise<DeployedResource | undefined>;
}

export interface DeployedResource {
  id: string;
  outputs: Record<string, unknown>;
}

const deployment = z.looseObject({
  secrets_providers: z
    .looseObject({ type: z.string(), state: z.looseObject({ salt: z.string().optional() }).optional() })
    .optional(),
  resources: z
    .array(
      z.looseObject({
        urn: z.string(),
        id: z.string().optional(),
        delete: z.boolean().optional(),
        outputs: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
});
const stateFile = z.looseObject({ checkpoint: z.looseObject({ latest: deployment.nullish() }) });
const exported = z.looseObject({ deployment: deployment.nullish() });

const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const EXPORT_TIMEOUT_MS = 30_000;
const MAX_EXPORT_BYTES = 512 * 1024 * 1024;

/**
 * Reads what was deployed last, and changes nothing: from the state file where the backend is `file://`, else through
 * the Pulumi CLI.
 *
 * @throws CliError that says why there is nothing to read.
 */
export async function readLastDeployment(
  project: Project,
  stack: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<LastDeployment> {
  const backend = environment.PULUMI_BACKEND_URL ?? project.backendUrl;
  const latest = backend?.startsWith("file://")
    ? await readStateFile(stateFolder(backend, project.folder), project.name, stack)
    : await exportStack(project, stack, environment);
  const resources = new Map(
    (latest.resources ?? []).filter((each) => each.delete !== true).map((each) => [each.urn, each]),
  );
  let decrypter: Promise<Decrypter> | undefined;
  return {
    async resource(urn) {
      const found = resources.get(urn);
      if (found === undefined) return undefined;
      const { id = "", outputs = {} } = found;
      if (!JSON.stringify(outputs).includes('"ciphertext"')) return { id, outputs: reveal(outputs) };
      decrypter ??= stateDecrypter(latest.secrets_providers?.state?.salt, stack, environment);
      return { id, outputs: reveal(outputs, await decrypter) };
    },
  };
}

type Deployment = z.infer<typeof deployment>;

function stateFolder(backend: string, projectFolder: string): string {
  const path = backend.slice("file://".length);
  if (path.startsWith("~")) return join(homedir(), path.slice(1));
  return isAbsolute(path) ? fileURLToPath(backend) : resolve(projectFolder, path);
}

async function readStateFile(folder: string, projectName: string, stack: string): Promise<Deployment> {
  const stem = join(folder, ".pulumi", "stacks", projectName, stack);
  for (const file of [`${stem}.json`, `${stem}.json.gz`]) {
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes === undefined) continue;
    const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
    return parseState(stateFile, text, file).checkpoint.latest ?? {};
  }
  throw new CliError(`there is no ${stem}.json`);
}

async function exportStack(project: Project, stack: string, environment: NodeJS.ProcessEnv): Promise<Deployment> {
  const args = ["stack", "export", "--stack", stack, "--show-secrets", "--non-interactive", "--cwd", project.folder];
  try {
    const { stdout } = await promisify(execFile)("pulumi", args, {
      env: { ...environment, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeout: EXPORT_TIMEOUT_MS,
      maxBuffer: MAX_EXPORT_BYTES,
    });
    return parseState(exported, stdout, '"pulumi stack export"').deployment ?? {};
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new CliError("the Pulumi CLI, which could read it, is not installed");
    const reason = stderr
      ?.replace(/^error: /, "")
      .trim()
      .split("\n")[0];
    throw new CliError(`"pulumi stack export --stack ${stack}" failed: ${reason || (error as Error).message}`);
  }
}

function parseState<T>(schema: z.ZodType<T>, text: string, where: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new CliError(`${where} is not a Pulumi state that this release can read`);
  }
}

async function stateDecrypter(
  salt: string | undefined,
  stack: string,
  environment: NodeJS.ProcessEnv,
): Promise<Decrypter> {
  const passphrase = await passphraseFromEnvironment(environment);
  if (salt === undefined) throw new CliError("its secrets are not encrypted by the passphrase provider");
  if (passphrase === undefined)
    throw new CliError(`its secrets are encrypted; set the passphrase of stack "${stack}" as PULUMI_CONFIG_PASSPHRASE`);
  return passphraseDecrypter(passphrase, salt);
}

/** Replaces ciphertext, or the JSON plaintext of an export, by the values in envelopes. */
function reveal<T>(value: T, decrypter?: Decrypter): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => reveal(item, decrypter)) as T;
  const { [SIGNATURE_KEY]: signature, ciphertext, plaintext } = value as Record<string, unknown>;
  if (signature === SECRET_SIGNATURE) {
    const json = typeof ciphertext === "string" ? decrypter?.decrypt(ciphertext) : plaintext;
    if (typeof json === "string") return { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: JSON.parse(json) as unknown } as T;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reveal(item, decrypter)])) as T;
}
