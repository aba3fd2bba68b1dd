import { createPublicKey, type KeyObject } from "node:crypto";

import { type KeySet } from "../spec/documentTypes";

/** Members of a JSON Web Key that are secret (RFC 7518, section 6). */
const SECRET_MEMBERS = ["d", "k"];
/** By RFC 7518, section 3.3. */
const MIN_RSA_BITS = 2_048;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

/**
 * What is wrong with the keys that tokens are to be verified with, by their path in the set. They get into documents,
 * where others than the issuer may read them.
 */
export function problemsWithSessionKeys({ keys }: KeySet): [path: string, message: string][] {
  const forSignatures = [...keys.entries()].filter(([, { use = "sig" }]) => use === "sig");
  if (forSignatures.length === 0) return [["keys", "has no key that signatures are verified with"]];
  return forSignatures.flatMap(([i, key]) => {
    const message = problemWithKey(key);
    return message === undefined ? [] : [[`keys[${i}]`, message]];
  });
}

function problemWithKey(key: KeySet["keys"][number]): string | undefined {
  const secret = SECRET_MEMBERS.find((member) => key[member] !== undefined);
  if (secret !== undefined)
    return `is secret, by its "${secret}"; give public keys only, as anybody who holds this one can sign tokens`;
  let object: KeyObject;
  try {
    object = createPublicKey({ key, format: "jwk" });
  } catch (error) {
    return `is no public key: ${(error as Error).message}`;
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength = 0, namedCurve = "" } = {} } = object;
  if (type === "rsa")
    return modulusLength < MIN_RSA_BITS ? `is of ${modulusLength} bits; RSA keys need ${MIN_RSA_BITS}` : undefined;
  if (type === "ed25519" || (type === "ec" && CURVES.includes(namedCurve))) return undefined;
  return `is of a kind (${namedCurve || type}) that no tokens are signed with; RSA, P-256, P-384, P-521 and Ed25519 are`;
}
