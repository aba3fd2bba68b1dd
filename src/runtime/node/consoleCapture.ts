import { type AsyncLocalStorage } from "node:async_hooks";
import { Console } from "node:console";
import { format, inspect } from "node:util";
import { Writable } from "node:stream";

import { type LogLine } from "../../link/messages";
import { type LinkInvocation } from "../link/linkInvocation";
import { endAtUserCode } from "./userStack";

const MAX_MESSAGE_CHARACTERS = 16 * 1024;

/**
 * Makes `console` write to the invocation that the caller runs in, or to the instance when there is none, e.g. while a
 * module loads.
 */
export function captureConsole(
  invocations: AsyncLocalStorage<LinkInvocation>,
  outside: (level: LogLine["level"], message: string) => void,
): void {
  const write = (level: LogLine["level"], message: string) => {
    const invocation = invocations.getStore();
    if (invocation === undefined) outside(level, cut(message));
    else invocation.log(level, cut(message));
  };
  // table, group, dir, count, time… are Console's own, on top of two streams
  const lines = (level: LogLine["level"]) =>
    new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, callback) => {
        write(level, chunk.toString().replace(/\n$/, ""));
        callback();
      },
    });
  const captured = new Console({ stdout: lines("info"), stderr: lines("error"), colorMode: false });
  const direct = (level: LogLine["level"]) =>
    function (this: void, ...args: unknown[]): void {
      write(level, typeof args[0] === "string" && args.length === 1 ? args[0] : format(...args));
    };
  captured.debug = direct("debug");
  captured.log = direct("info");
  captured.info = direct("info");
  captured.warn = direct("warn");
  captured.error = direct("error");
  captured.trace = (...args: unknown[]) => write("error", `Trace: ${format(...args)}\n${new Error().stack ?? ""}`);
  Object.assign(console, captured);
}

/** What of a thrown value goes to the logs: all of it, the stack of user code included. */
export function describeThrown(thrown: unknown): string {
  return cut(thrown instanceof Error ? endAtUserCode(inspect(thrown)) : `thrown: ${inspect(thrown)}`);
}

/** Keeps a text short enough for one frame of the link, and for a log. */
export function cut(text: string): string {
  return text.length > MAX_MESSAGE_CHARACTERS
    ? `${text.slice(0, MAX_MESSAGE_CHARACTERS)}… (${text.length} characters)`
    : text;
}
