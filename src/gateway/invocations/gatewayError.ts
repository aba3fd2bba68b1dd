/** What a caller gets when the platform, not the handler, answers. */
export class GatewayError extends Error {
  constructor(
    readonly status: number,
    readonly errorType: string,
    message: string,
    /** Seconds for a Retry-After header. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }

  /** Nothing ran, so a message that failed so is given back and not counted as a delivery. */
  get nothingRan(): boolean {
    return this.status === 429 || this.status === 503;
  }

  body(requestId: string): string {
    return JSON.stringify({ errorType: this.errorType, errorMessage: this.message, requestId });
  }
}
