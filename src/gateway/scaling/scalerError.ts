import { status } from "@grpc/grpc-js";

/** Ends a call with a status that says what is wrong. */
export class ScalerError extends Error {
  override readonly name = "ScalerError";
  constructor(
    readonly code: status,
    message: string,
  ) {
    super(message);
  }
}

export function unknownFunction(functionName: string): ScalerError {
  return new ScalerError(
    status.NOT_FOUND,
    `function "${functionName}" is not known to this gateway: it has no valid document of that name`,
  );
}
