/** A control character, with what makes it a sequence of colours and weights where it is one. */
const CONTROL = /(?!\r$)\p{Cc}(?:\[[\d;:]*m)?/gu;
const ESCAPE = "\u001b";
const RESET = `${ESCAPE}[0m`;

/**
 * Makes text that others wrote, such as functions and senders of messages, harmless for a terminal: as it is, it could set
 * the clipboard, change the title, or go over lines that are there. Line breaks and tabs stay, and so do colours, which end
 * with their line: what follows is the CLI's own.
 *
 * @param isTerminal - What is not for a terminal stays as it is.
 */
export function terminalText(text: string, isTerminal: boolean): string {
  return isTerminal ? text.split("\n").map(harmlessLine).join("\n") : text;
}

/** Prints what others have a part in to the standard output. */
export function printText(text: string): void {
  console.log(terminalText(text, process.stdout.isTTY));
}

function harmlessLine(line: string): string {
  let coloured = false;
  const harmless = line.replace(CONTROL, (found) => {
    const control = found.charAt(0);
    if (control === "\t" || (control === ESCAPE && found.length > 1)) {
      coloured ||= control === ESCAPE;
      return found;
    }
    // as JSON has it, which stays the same JSON
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}${found.slice(1)}`;
  });
  return coloured ? harmless + RESET : harmless;
}
