import ignore from "ignore";

/** Says of a path (relative, forward slashes) whether it is left out. */
export type Excludes = (path: string) => boolean;

/**
 * Reads a `.dockerignore`.
 *
 * Its rules differ from those of a `.gitignore`: patterns start at the root, a trailing slash means nothing, and the
 * last pattern that matches a path or one of its folders decides, so that `!folder/file` brings a file back from an
 * excluded folder. Hence each line is matched by itself.
 */
export function parseDockerIgnore(text: string): Excludes {
  const rules = readRules(text).map(({ negated, pattern }) => ({
    negated,
    matcher: ignore({ ignorecase: false }).add(`/${pattern}`),
  }));
  return (path) =>
    rules.reduce((excluded, { negated, matcher }) => (matcher.ignores(path) ? !negated : excluded), false);
}

/** Says whether a `.dockerignore` brings back a folder of the root, or something in it, by the folder's name. */
export function bringsBack(text: string, folder: string): boolean {
  return readRules(text).some(({ negated, pattern }) => negated && `${pattern}/`.startsWith(`${folder}/`));
}

function readRules(text: string): { negated: boolean; pattern: string }[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const negated = line.startsWith("!");
      const pattern = line
        .slice(negated ? 1 : 0)
        .trim()
        .replace(/^\.?\/+/, "")
        .replace(/\/+$/, "");
      return { negated, pattern };
    })
    .filter(({ pattern }) => pattern !== "" && pattern !== ".");
}
