// Packs the library, installs it into an empty project, and uses it as somebody who only has the package would:
// types compile, the program loads, the CLI answers.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = mkdtempSync(join(tmpdir(), "fullcode-package-"));
const run = (command, args, cwd = folder) => execFileSync(command, args, { cwd, encoding: "utf8" });

try {
  const { filename } = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  )[0];
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true }));
  run("npm", ["install", "--no-audit", "--no-fund", `./${filename}`, "typescript@~5.9.3", "@types/node@20"]);
  writeFileSync(
    join(folder, "index.ts"),
    `import { EndpointTrigger, Environment, FullCodeFunction, ServerlessApp } from "fullcode";
const app = new ServerlessApp("shop");
const environment = new Environment("production", { app, type: "production" });
const hello = new FullCodeFunction("hello", { app, environments: [environment], code: "./functions/hello" });
new EndpointTrigger("hello", { function: hello, path: "/hello" });
export const urls = environment.urls;
`,
  );
  // as `pulumi new typescript` sets it, with the types of packages checked as well, and as newer projects have it
  for (const [module, resolution] of [
    ["commonjs", "node"],
    ["node16", "node16"],
    ["esnext", "bundler"],
  ]) {
    const options = [
      "--strict",
      "--noEmit",
      "--target",
      "es2020",
      "--module",
      module,
      "--moduleResolution",
      resolution,
    ];
    run("npx", ["tsc", ...options, "index.ts"]);
  }
  const installed = join(folder, "node_modules", "fullcode");
  const readme = readFileSync(join(installed, "README.md"), "utf8");
  const links = [...readme.matchAll(/\]\(([^):#]+)[^):]*\)/g)].map(([, path]) => path);
  const dead = links.filter((path) => !existsSync(join(installed, path)));
  if (links.length === 0 || dead.length > 0) throw new Error(`links of the README lead nowhere: ${dead.join(", ")}`);
  const answered = run("npx", ["fullcode", "--version"]).trim();
  const expected = JSON.parse(run("npm", ["pkg", "get", "version"], root));
  if (answered !== expected) throw new Error(`fullcode --version answered "${answered}", not "${expected}"`);
  // the way to clusters is complete without the packages that it was bundled from
  writeFileSync(
    join(folder, "kubeconfig"),
    'apiVersion: v1\nkind: Config\nclusters: [{ name: eu, cluster: { server: "https://127.0.0.1:1" } }]\nusers: [{ name: eu, user: {} }]\ncontexts: [{ name: eu, context: { cluster: eu, user: eu } }]\n',
  );
  const { stderr, status } = spawnSync(
    "npx",
    ["fullcode", "get", "deployments", "--kubeconfig", "kubeconfig", "--context", "nope"],
    { cwd: folder, encoding: "utf8" },
  );
  if (status !== 1 || !stderr.includes('no context "nope"'))
    throw new Error(`fullcode get --context nope ended with ${status}: ${stderr}`);
  console.log(`the package installs, its types compile, and its CLI answers ${answered}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
