import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";

import FindMyWay from "find-my-way";

import { GatewayError } from "../invocations/gatewayError";
import { StoreUnavailableError } from "../queues/storeErrors";

const MAX_ADMIN_BODY_BYTES = 16 * 1024 * 1024;

export interface AdminRequest {
  params: Record<string, string | undefined>;
  query: URLSearchParams;
  contentType: string;
  body: Buffer;
  /** Aborted when the caller has gone. */
  signal: AbortSignal;
}

/** A value is sent as JSON, an async iterable as newline-delimited JSON. */
export type AdminHandler = (request: AdminRequest) => Promise<{ status?: number; value: unknown }>;

/** What operators and the CLI talk to: loopback only, with a token that only they can read. */
export class AdminServer {
  private readonly router = FindMyWay();
  private readonly server: Server;

  constructor(readonly token: string = randomBytes(24).toString("base64url")) {
    this.server = createServer((request, response) => void this.onRequest(request, response));
  }

  on(method: "GET" | "POST", path: string, handler: AdminHandler): void {
    this.router.on(method, path, () => undefined, handler);
  }

  /** @returns the address. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.isAuthorized(request)) throw new GatewayError(401, "Unauthorized", "a valid token is needed");
      const found = this.router.find(request.method as "GET", request.url!);
      if (found === null) throw new GatewayError(404, "NotFound", `${request.method} ${request.url} is not known`);
      const handler = found.store as AdminHandler;
      const gone = new AbortController();
      response.once("close", () => gone.abort());
      const answer = await handler({
        params: found.params,
        query: new URL(request.url!, "http://admin").searchParams,
        contentType: request.headers["content-type"] ?? "application/octet-stream",
        body: await readBody(request),
        signal: gone.signal,
      });
      await send(response, answer.status ?? 200, answer.value);
    } catch (error) {
      const known = asGatewayError(error);
      if (response.headersSent) return void response.destroy();
      response.writeHead(known.status, { "content-type": "application/json" });
      response.end(JSON.stringify({ errorType: known.errorType, errorMessage: known.message }));
    }
  }

  private isAuthorized(request: IncomingMessage): boolean {
    const given = Buffer.from(request.headers.authorization ?? "");
    const expected = Buffer.from(`Bearer ${this.token}`);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof StoreUnavailableError) return new GatewayError(503, "StoreUnavailable", error.message, 5);
  return new GatewayError(500, "InternalError", String(error));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ADMIN_BODY_BYTES)
      throw new GatewayError(413, "RequestTooLarge", `at most ${MAX_ADMIN_BODY_BYTES} bytes are taken`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function send(response: ServerResponse, status: number, value: unknown): Promise<void> {
  if (typeof value !== "object" || value === null || !(Symbol.asyncIterator in value)) {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(value));
    return;
  }
  response.writeHead(status, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  for await (const each of value as AsyncIterable<unknown>) {
    if (!response.write(JSON.stringify(each) + "\n")) await drained(response);
    if (response.destroyed) return;
  }
  response.end();
}

/** Resolves when more can be written, or when nobody is there any more to read it. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
