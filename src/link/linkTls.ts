/**
 * TLS of links between pods: version 1.3 with a pre-shared key and an ephemeral key exchange, without certificates.
 *
 * The callbacks of `node:tls` give OpenSSL a key without a hash, for which OpenSSL takes SHA-256; so of the suites of
 * TLS 1.3 only those with SHA-256 can be had. AES-128-GCM costs half of ChaCha20 where the processor has AES.
 */
export const LINK_TLS = {
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
} as const;

/** Whose a pre-shared key is. */
export interface LinkIdentity {
  function: string;
  /** Of the root secret that the key was made from. */
  generation: number;
}

const IDENTITY = /^([a-z0-9][a-z0-9-]{0,62})@([1-9][0-9]{0,8})$/;

export function formatLinkIdentity({ function: name, generation }: LinkIdentity): string {
  return `${name}@${generation}`;
}

/** Undefined for a text that no instance sends. */
export function parseLinkIdentity(text: string): LinkIdentity | undefined {
  const match = IDENTITY.exec(text);
  return match === null ? undefined : { function: match[1], generation: Number(match[2]) };
}

/** The pre-shared key that a link's token stands for. */
export function linkKey(token: string): Buffer {
  return Buffer.from(token, "base64url");
}
