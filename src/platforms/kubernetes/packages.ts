import { createRequire } from "node:module";

/** The optional peers that `kubernetes()` regions need: whoever has local regions only installs none of them. */
interface Packages {
  "@pulumi/kubernetes": typeof import("@pulumi/kubernetes");
  "@pulumi/random": typeof import("@pulumi/random");
  "@pulumi/docker": typeof import("@pulumi/docker");
}

const requirePackage = createRequire(__filename);

/** Loads a package, or returns `undefined` where it is not installed. */
export function loadPackage<Name extends keyof Packages>(name: Name): Packages[Name] | undefined {
  try {
    return requirePackage(name) as Packages[Name];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // a package that is there and misses one of its own is another matter
    if (code === "MODULE_NOT_FOUND" && message.includes(`'${name}'`)) return undefined;
    throw error;
  }
}

/** Says which packages are missing, and how they are installed. */
export function problemWithPackages(names: readonly (keyof Packages)[]): string | undefined {
  const missing = names.filter((name) => loadPackage(name) === undefined);
  if (missing.length === 0) return undefined;
  const these = missing.length === 1 ? "the package" : "the packages";
  return `needs ${these} ${missing.join(", ")}; run \`npm install ${missing.join(" ")}\``;
}
