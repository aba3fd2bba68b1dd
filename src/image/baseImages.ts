/** What images start from, unless something else is asked for: Node.js on a small Debian. */
export const DEFAULT_BASE_IMAGE = "node:22-slim";
/** What images are built for, unless something else is asked for; never what the machine that builds happens to be. */
export const DEFAULT_PLATFORM = "linux/amd64";
