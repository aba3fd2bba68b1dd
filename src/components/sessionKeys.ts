import { createPublicKey, type KeyObject } from "node:crypto";

import { type KeySet } from "../spec/documentTypes";

/** Members of a JSON Web Key that are secret (RFC 7518, section 6). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/** By RFC 7518, section 3.3. */
const MIN_RSA_BITS = 2_048;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

type Key = KeySet["keys"][number];

/**
 * What is wrong with the keys that tokens are to be verified with, by their path in the set. They get into documents,
 * where others than the issuer may read them. Of the keys that an issuer publishes, one that can be used is enough.
 */
export function problemsWithSessionKeys({ keys }: KeySet): [path: string, message: string][] {
  const secret = keys.flatMap((key, i): [string, string][] => {
    const member = SECRET_MEMBERS.find((each) => key[each] !== undefined);
    return member === undefined
      ? []
      : [[`keys[${i}]`, `is secret, by its "${member}": give public keys only, others may read them`]];
  });
  if (secret.length > 0) return secret;
  const reasons = keys.map(reasonAgainst);
  if (reasons.includes(undefined)) return [];
  const list = reasons.map((reason, i) => `keys[${i}] ${reason}`).join(", ");
  return [["keys", `has no key that signatures can be verified with${list && `: ${list}`}`]];
}

function reasonAgainst(key: Key): string | undefined {
  if (key.use !== undefined && key.use !== "sig") return "is for another use";
  let object: KeyObject;
  try {
    object = createPublicKey({ key, format: "jwk" });
  } catch {
    return "is no public key";
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength = 0, namedCurve = "" } = {} } = object;
  if (type === "rsa")
    return modulusLength < MIN_RSA_BITS ? `has ${modulusLength} bits, not ${MIN_RSA_BITS}` : undefined;
  if (type === "ed25519" || (type === "ec" && CURVES.includes(namedCurve))) return undefined;
  return `is of the kind ${namedCurve || type}, not RSA, P-256, P-384, P-521 or Ed25519`;
}
