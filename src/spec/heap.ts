/** Of an instance's memory to one of the halves in which V8 keeps new objects. */
const MEMORY_TO_SEMI_SPACE = 32;
const MAX_SEMI_SPACE_MIB = 16;
/** New objects take three times a half: two of them, and as much again for large ones. */
const SEMI_SPACES = 3;

/**
 * Arguments of Node.js for a process with a JavaScript heap of its own size.
 *
 * Left to itself, V8 gives new objects room by the memory of the container: 1 MiB with 256, which a busy instance fills
 * many times a second. As measured, collecting it took a fifth of such an instance's time, and half as much with 8 MiB.
 *
 * @param memoryMiB - What the process may take altogether.
 * @param share - Of it, for the heap with its new objects: 0 to 1.
 */
export function heapArguments(memoryMiB: number, share: number): string[] {
  const room = Math.min(Math.max(memoryMiB / MEMORY_TO_SEMI_SPACE, 1), MAX_SEMI_SPACE_MIB);
  // V8 rounds up to a power of two
  const semiSpace = 2 ** Math.floor(Math.log2(room));
  const oldSpace = Math.floor(memoryMiB * share) - SEMI_SPACES * semiSpace;
  return [`--max-old-space-size=${oldSpace}`, `--max-semi-space-size=${semiSpace}`];
}
