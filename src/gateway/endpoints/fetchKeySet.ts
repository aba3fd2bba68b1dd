import http, { type IncomingMessage } from "node:http";
import https from "node:https";

/** Time for the whole of a key set to arrive, its connection included. */
const TIMEOUT_MS = 5_000;
/** A key has one or two KiB, and an issuer a handful of them. */
const MAX_BYTES = 1024 * 1024;

/**
 * What an issuer publishes at an address: JSON, else anything. Redirects are not followed: the address is a setting that
 * says whom to trust.
 *
 * jose's own fetch has no limit of size, and its timeout ends with the head of the answer: an issuer that stalls after it
 * would hold every request that waits for the keys.
 */
export async function fetchKeySet(url: URL): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const text = await textOf(await responseOf(url, signal));
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (signal.aborted) throw new Error(`the key set did not arrive within ${TIMEOUT_MS / 1000} s`);
    if (error instanceof SyntaxError) throw new Error("what arrived is not JSON");
    throw error;
  }
}

function responseOf(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const { get } = url.protocol === "https:" ? https : http;
  // minutes pass between two fetches: a connection that was kept would often be closed by the time it is used again
  const options = { agent: false, signal, headers: { accept: "application/jwk-set+json, application/json" } };
  // the listener also has to take errors that come after the head, which the reader of the body learns of by itself
  return new Promise((resolve, reject) => get(url, options, resolve).on("error", reject));
}

async function textOf(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`the issuer answered ${response.statusCode}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`the key set has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
