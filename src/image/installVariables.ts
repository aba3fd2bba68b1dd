import { INSTALL_SETTINGS } from "../code/codeFiles";
import type { ContextFile } from "./contextFiles";
import { MANIFESTS_FOLDER } from "./imageLayout";

/** Variables that settings of package managers name. */
export interface InstallVariables {
  /** Sorted. */
  names: string[];
  /** What the function's author should know, a sentence each. */
  warnings: string[];
}

/** `${NAME}`; the rest tells the package manager to do without: `${NAME-text}`, `${NAME:-text}`, `${NAME?}`. */
const REFERENCE = /(?<!\\)\$\{([A-Za-z_]\w*)(:?-[^}]*|\?)?\}/g;
const COMMENT = /^\s*[#;]/;
/** Keys of npm, pnpm and Yarn, with what they are set to. */
const CREDENTIAL = /(?:_authToken|_auth|_password|npmAuthToken|npmAuthIdent)\b["']?[\s=:]+(\S.*)/;
/** What the stage of an installation has anyway. */
const OF_THE_STAGE = new Set(["CI", "HOME", "HOSTNAME", "NODE_VERSION", "PATH", "PWD", "YARN_VERSION"]);

/**
 * Finds the variables that an installation's settings name.
 *
 * @param files - Of an installation; others than settings have no part in it.
 * @param given - Names of the variables that the build gets.
 */
export function findInstallVariables(files: readonly ContextFile[], given: readonly string[]): InstallVariables {
  const names = new Set<string>();
  const warnings: string[] = [];
  for (const { name, text } of settingsOf(files)) {
    const missing = new Set<string>();
    const lines = text.split(/\r?\n/).filter((line) => !COMMENT.test(line));
    for (const [, variable, otherwise] of lines.join("\n").matchAll(REFERENCE)) {
      if (OF_THE_STAGE.has(variable)) continue;
      names.add(variable);
      if (otherwise === undefined && !given.includes(variable)) missing.add(variable);
    }
    warnings.push(...[...missing].map((variable) => warningAboutMissing(name, variable)));
    if (lines.some((line) => !(CREDENTIAL.exec(line)?.[1] ?? "${}").includes("${")))
      warnings.push(
        `"${name}" holds a credential: whoever has another one there builds another image; write "\${NPM_TOKEN}" instead, and give it by ${argument("NPM_TOKEN")}`,
      );
  }
  return { names: [...names].sort(), warnings };
}

function settingsOf(files: readonly ContextFile[]): { name: string; text: string }[] {
  return INSTALL_SETTINGS.flatMap((name) => {
    const file = files.find(({ path }) => path === `${MANIFESTS_FOLDER}/${name}`);
    return file?.kind === "file" ? [{ name, text: file.contents.toString("utf8") }] : [];
  });
}

function warningAboutMissing(file: string, variable: string): string {
  return `"${file}" names the variable ${variable}, which nobody gives to the image's build: packages that need it cannot be installed; give it by ${argument(variable)}`;
}

function argument(variable: string): string {
  return `\`imageBuilder: dockerImageBuilder({ secrets: { ${variable}: … } })\``;
}
