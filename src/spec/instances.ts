/** What declarations and instances both go by. Constants alone: an instance loads them when it starts. */

/** Entrypoint of a Node.js function that names none, relative to its code. */
export const DEFAULT_ENTRYPOINT = "src/index.js";
/** Names of environment variables that only the platform sets. */
export const RESERVED_VARIABLE = /^(?:RUNTIME|FULLCODE)_/;
/** What the value of a header may consist of. */
export const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
