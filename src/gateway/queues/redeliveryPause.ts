import { MAX_REDELIVERY_BACKOFF_SECONDS } from "../../spec/limits";

/**
 * Milliseconds between a failed delivery and the next one: doubles with each attempt up to the limit.
 *
 * @param attempt - The delivery that failed; 1 for the first.
 */
export function redeliveryPause(backoffSeconds: number, attempt: number): number {
  return Math.min(backoffSeconds * 2 ** (attempt - 1), MAX_REDELIVERY_BACKOFF_SECONDS) * 1_000;
}
