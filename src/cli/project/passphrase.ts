import { createDecipheriv, pbkdf2 } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import { CliError } from "../errors";

/**
 * Decrypts what Pulumi's passphrase provider has encrypted: AES-256-GCM with a key derived by PBKDF2, each value
 * written as `v1:<nonce>:<ciphertext and tag>` in base64.
 */
export interface Decrypter {
  /** @throws CliError when the value is not of this form or was made with another key. */
  decrypt(value: string): string;
}

const ITERATIONS = 1_000_000;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** What the provider encrypts beside the salt, to recognise a wrong passphrase. */
const PROBE = "pulumi";

/**
 * @param salt - `encryptionsalt` of a stack's configuration: `v1:<salt>:<encrypted probe>`.
 * @throws CliError when the passphrase is the wrong one.
 */
export async function passphraseDecrypter(passphrase: string, salt: string): Promise<Decrypter> {
  const [, version, saltText, probe] = /^([^:]*):([^:]*):(.*)$/.exec(salt) ?? [];
  if (version !== "v1" || saltText === undefined || probe === undefined)
    throw new CliError("The stack's encryption salt is of an unknown version; upgrade fullcode.");
  const key = await deriveKey(passphrase, saltText);
  const decrypter = { decrypt: (value: string) => decryptWith(key, value) };
  try {
    if (decrypter.decrypt(probe) === PROBE) return decrypter;
  } catch {
    // A wrong key shows in the authentication tag of the probe.
  }
  throw new CliError(
    "The passphrase in PULUMI_CONFIG_PASSPHRASE is not the one that the stack's secrets were encrypted with.",
  );
}

const keys = new Map<string, Promise<Buffer>>();

/** The same stack is read again and again while its program is edited. */
function deriveKey(passphrase: string, salt: string): Promise<Buffer> {
  const id = JSON.stringify([passphrase, salt]);
  const known = keys.get(id);
  if (known !== undefined) return known;
  const key = promisify(pbkdf2)(passphrase, Buffer.from(salt, "base64"), ITERATIONS, KEY_BYTES, "sha256");
  keys.set(id, key);
  return key;
}

function decryptWith(key: Buffer, value: string): string {
  const [version, nonce, data] = value.split(":");
  if (version !== "v1" || nonce === undefined || data === undefined)
    throw new CliError("An encrypted value is not of the form that a passphrase gives.");
  const bytes = Buffer.from(data, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES)), decipher.final()]).toString(
    "utf8",
  );
}

/**
 * The passphrase from where the Pulumi CLI takes it as well; an empty one is a passphrase, too.
 *
 * @returns `undefined` where none is set.
 * @throws CliError when PULUMI_CONFIG_PASSPHRASE_FILE names a file that cannot be read.
 */
export async function passphraseFromEnvironment(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { PULUMI_CONFIG_PASSPHRASE: passphrase, PULUMI_CONFIG_PASSPHRASE_FILE: file } = environment;
  if (passphrase !== undefined) return passphrase;
  if (file === undefined || file === "") return undefined;
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new CliError(`PULUMI_CONFIG_PASSPHRASE_FILE: ${(error as Error).message}`);
  }
}
