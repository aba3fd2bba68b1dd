import * as pulumi from "@pulumi/pulumi";

/** What stands for a value that a resource which could not be made would have had. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The value with that of each secret in place of its envelope. */
export function unwrapSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapSecrets);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  const signature = fields[pulumi.runtime.specialSigKey];
  if (signature === pulumi.runtime.specialSecretSig) return unwrapSecrets(fields.value);
  if (signature !== undefined) throw new Error(`this kind of value is not known here: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, unwrapSecrets(each)]));
}
