/** Where in this runtime, which is one file, or in Node.js itself something was called. */
const OWN_PLACES = [`${__filename}:`, "(node:", "at node:"];
/** Frames, and what `inspect` has for those that the error's cause has as well. */
const STACK = /(?:\n +(?:at |\.\.\. \d+ lines matching ).*)+/g;

/**
 * Ends each stack in a text at its last frame of user code: what has called that is the same for all handlers. A stack without
 * such a frame stays whole.
 *
 * @param text - Of an error as `inspect` shows it, with its causes.
 */
export function endAtUserCode(text: string): string {
  return text.replace(STACK, (stack) => {
    const frames = stack.split("\n");
    const last = frames.findLastIndex(isOfUser);
    if (last === -1 || last === frames.length - 1) return stack;
    // the last frame is followed by what else an error has
    return frames.slice(0, last + 1).join("\n") + (stack.endsWith(" {") ? " {" : "");
  });
}

function isOfUser(frame: string): boolean {
  return /^ +at /.test(frame) && !OWN_PLACES.some((place) => frame.includes(place));
}
