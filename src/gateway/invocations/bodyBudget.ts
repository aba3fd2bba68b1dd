import { limits } from "../../spec";
import { memoryShare } from "../memoryShare";
import { GatewayError } from "./gatewayError";

/** What bodies of invocations of all functions may take of a gateway's memory together. */
export class BodyBudget {
  private taken = 0;

  constructor(
    private readonly maxBytes: number = memoryShare(
      limits.HELD_MEMORY_SHARE,
      Infinity,
      limits.MAX_UNLIMITED_HELD_BYTES,
    ),
  ) {}

  /** What a body is refused with that would need so many bytes more; undefined where there is room. */
  refusal(more: number): GatewayError | undefined {
    if (this.taken + more <= this.maxBytes) return undefined;
    return new GatewayError(
      429,
      "TooManyRequests",
      `request bodies of ${this.maxBytes} bytes, as many as this gateway has memory for, are held for all functions together already`,
      1,
    );
  }

  /** @param bytes - How many more are taken, or fewer. */
  change(bytes: number): void {
    this.taken += bytes;
  }
}
