import { randomUUID } from "node:crypto";
import { maxHeaderSize, STATUS_CODES } from "node:http";
import { type Socket } from "node:net";

import { GatewayError } from "../invocations/gatewayError";
import { JSON_TYPE } from "./httpCaller";

/** By the `code` of the errors that Node.js has for its server's event `clientError`. */
const KNOWN: Record<string, GatewayError> = {
  HPE_HEADER_OVERFLOW: new GatewayError(431, "HeadersTooLarge", `the headers have more than ${maxHeaderSize} bytes`),
  ERR_HTTP_REQUEST_TIMEOUT: new GatewayError(408, "RequestTimeout", "the headers did not come in time"),
};

/**
 * Answers what Node.js cannot read as a request, in the way of all that is refused.
 *
 * @returns the status, or undefined where nobody is there to be answered.
 */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): number | undefined {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return undefined;
  }
  const known =
    KNOWN[error.code ?? ""] ?? new GatewayError(400, "InvalidRequest", `this is not HTTP: ${error.message}`);
  const requestId = randomUUID();
  const body = Buffer.from(known.body(requestId));
  const head = [
    `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status]}`,
    "connection: close",
    `content-type: ${JSON_TYPE}`,
    `content-length: ${body.length}`,
    `x-request-id: ${requestId}`,
  ];
  socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
  socket.destroySoon();
  return known.status;
}
