import { type handleUnaryCall, type Metadata, type ServerErrorResponse, status } from "@grpc/grpc-js";

import { ScalerError } from "../scalerError";

/** Answers a call with what the handler returns, or with the status of what it throws. */
export function unary<Request, Answer>(
  handle: (request: Request, metadata: Metadata) => Answer | Promise<Answer>,
): handleUnaryCall<Request, Answer> {
  const answer = async (request: Request, metadata: Metadata) => handle(request, metadata);
  return (call, callback) => {
    answer(call.request, call.metadata).then(
      (value) => callback(null, value),
      (error: Error) => callback(statusOf(error)),
    );
  };
}

export function statusOf(error: Error): Partial<ServerErrorResponse> {
  return { code: error instanceof ScalerError ? error.code : status.INTERNAL, details: error.message };
}
