import { existsSync, readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { parse } from "yaml";

/** The part of a kubeconfig that is read here. */
interface Kubeconfig {
  contexts?: { name?: unknown }[] | null;
  "current-context"?: unknown;
}

/**
 * Of the files that $KUBECONFIG lists, the one that has a context. kubectl reads all of them; @pulumi/kubernetes takes the
 * list for one path, and says that it cannot parse it.
 *
 * @param context - The first current context that a file names, when there is none.
 * @returns nothing where $KUBECONFIG is one file, or none: the provider finds it by itself.
 * @throws Error when no file has the context.
 */
export function kubeconfigFromList(context?: string): string | undefined {
  const paths = (process.env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  if (paths.length < 2) return undefined;
  const files = paths.filter((path) => existsSync(path)).map((path) => ({ path, config: read(path) }));
  const wanted = context ?? files.map(({ config }) => config["current-context"]).find(isName);
  const found = files.find(({ config }) => (config.contexts ?? []).some(({ name }) => name === wanted));
  if (found === undefined)
    throw new Error(
      `none of the files in $KUBECONFIG (${paths.join(", ")}) has ${wanted === undefined ? "a current context" : `context "${wanted}"`}`,
    );
  return found.path;
}

function read(path: string): Kubeconfig {
  try {
    return (parse(readFileSync(path, "utf8")) ?? {}) as Kubeconfig;
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new Error(`${path} of $KUBECONFIG is no kubeconfig: ${reason}`, { cause: error });
  }
}

function isName(name: unknown): name is string {
  return typeof name === "string" && name !== "";
}
