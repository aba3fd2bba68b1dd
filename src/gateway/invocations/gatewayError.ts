/** What a caller gets when the platform, not the handler, answers. */
export class GatewayError extends Error {
  constructor(
    readonly status: number,
    readonly errorType: string,
    message: string,
    /** Seconds for a Retry-After header. */
    readonly retryAfter?: number,
    /** No handler saw the invocation, so a message that failed so is given back and not counted as a delivery. */
    readonly nothingRan: boolean = status === 429 || status === 503,
  ) {
    super(message);
  }

  body(requestId: string): string {
    return JSON.stringify({ errorType: this.errorType, errorMessage: this.message, requestId });
  }
}
