import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";

import { refuse } from "../../gateway/endpoints/httpCaller";
import { hasBody, RequestBody } from "../../gateway/endpoints/requestBody";
import { GatewayError } from "../../gateway/invocations/gatewayError";
import { NO_BODY } from "../../gateway/invocations/invocation";
import { type AdminAddress } from "../admin/adminClient";
import { CliError } from "../errors";
import { refuseForeign } from "./localCaller";

/** What the gateway gives a tester who asks for the body's bytes. */
interface TesterAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  /** In base64. */
  body: string;
}

/** Headers of one connection, which are not passed on to another. */
const OF_THE_CONNECTION = new Set(["content-length", "connection", "keep-alive", "transfer-encoding", "date"]);

/**
 * The endpoint of `fullcode start`: takes all parts of a request in a JSON body, and answers as a deployed endpoint
 * would.
 */
export class StartServer {
  private readonly server: Server;

  constructor(
    private readonly gateway: AdminAddress,
    private readonly functionName: string,
    private readonly maxRequestBytes: number,
  ) {
    const onRequest = (request: IncomingMessage, response: ServerResponse) => void this.onRequest(request, response);
    this.server = createServer(onRequest);
    // who asks first is told before it sends a body that is refused
    this.server.on("checkContinue", onRequest);
  }

  /**
   * @param port - 0 takes a free one.
   * @returns the port.
   * @throws CliError when the port is taken.
   */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "EADDRINUSE"
            ? new CliError(
                `Port ${port} is taken by another process. Stop it, or choose another port: --port ${port + 1}`,
              )
            : new CliError(`Port ${port} cannot be used: ${error.message}`),
        ),
      );
      this.server.listen(port, "localhost", resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Answers what was accepted. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    await closed;
  }

  private async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      refuseForeign(request);
      const body = await this.readBody(request, response);
      const answer = await fetch(`${this.gateway.adminUrl}/functions/${this.functionName}/invoke?body=base64`, {
        method: "POST",
        headers: { authorization: `Bearer ${this.gateway.token}`, "content-type": "application/json" },
        body,
      });
      if (answer.ok) return respond(response, (await answer.json()) as TesterAnswer);
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(await answer.text());
    } catch (error) {
      const known =
        error instanceof GatewayError ? error : new GatewayError(502, "GatewayUnavailable", (error as Error).message);
      refuse(request, response, known, randomUUID(), false);
    }
  }

  /** @throws GatewayError 413 and 408. */
  private readBody(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (!hasBody(request)) return resolve(NO_BODY);
      new RequestBody(request, response, this.maxRequestBytes, reject).read(resolve);
    });
  }
}

function respond(response: ServerResponse, { status, headers, body }: TesterAnswer): void {
  const own = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.has(name));
  response.writeHead(status, Object.fromEntries(own));
  response.end(Buffer.from(body, "base64"));
}
