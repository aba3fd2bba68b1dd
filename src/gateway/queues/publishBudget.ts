import { limits } from "../../spec";
import { GatewayError } from "../invocations/gatewayError";
import { memoryShare } from "../memoryShare";

/**
 * What messages that are being received, or that their store has not confirmed yet, may take of a gateway's memory.
 *
 * A body counts as it arrives, not as it is announced: senders that announce much and send nothing must not keep others out.
 */
export class PublishBudget {
  private taken = 0;

  constructor(
    private readonly maxBytes: number = memoryShare(limits.PUBLISHING_MEMORY_SHARE, limits.MAX_PUBLISHING_BYTES),
  ) {}

  /**
   * A share for a message that is about to be read.
   *
   * @throws GatewayError 429 when there is no room for as many bytes as it announces.
   */
  share(declaredBytes: number): PublishShare {
    this.check(declaredBytes);
    let bytes = 0;
    return {
      grow: (size) => {
        this.check(size - bytes);
        this.taken += size - bytes;
        bytes = size;
      },
      release: () => {
        this.taken -= bytes;
        bytes = 0;
      },
    };
  }

  private check(more: number): void {
    if (this.taken >= this.maxBytes || this.taken + more > this.maxBytes)
      throw new GatewayError(
        429,
        "TooManyRequests",
        `messages of ${this.taken} bytes are being received and stored, and at most ${this.maxBytes} are at a time`,
        1,
      );
  }
}

/** What one message takes. */
export interface PublishShare {
  /**
   * @param bytes - What it takes now, altogether.
   * @throws GatewayError 429 when that is too much.
   */
  grow(bytes: number): void;
  /** The message has left the memory. */
  release(): void;
}
