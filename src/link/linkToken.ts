import { createHmac, timingSafeEqual } from "node:crypto";

/** What an instance of a function shows to a gateway: only who has the root secret can make it, and only for one function. */
export function linkToken(rootSecret: Buffer, functionName: string): string {
  return createHmac("sha256", rootSecret).update(`fullcode-link:${functionName}`).digest("base64url");
}

export function isLinkToken(rootSecret: Buffer, functionName: string, token: string): boolean {
  const expected = Buffer.from(linkToken(rootSecret, functionName));
  const given = Buffer.from(token);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
