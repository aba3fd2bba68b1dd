import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const API_VERSION = "fullcode/v1";
const BENCH_FOLDER = fileURLToPath(new URL("..", import.meta.url));

/** A region's folder with documents, for one gateway, in a temporary folder. */
export class RegionFolder {
  /**
   * @param functions - Function documents without their header; `code` is relative to `bench/`.
   * @param routes - `{ function, path }`, and `method` unless it is GET.
   * @param variables - Environment variables of a function, by its name.
   */
  static async create({ port, functions, routes, variables = {} }) {
    const region = new RegionFolder();
    region.folder = await mkdtemp(join(tmpdir(), "fullcode-bench-"));
    await region.#write("region", {
      kind: "Region",
      name: "local",
      app: "bench",
      environment: "bench",
      environmentType: "development",
      url: `http://localhost:${port}`,
      port,
    });
    for (const each of functions)
      await region.#write(`function.${each.name}`, { kind: "Function", version: "1", ...each });
    for (const [i, each] of routes.entries())
      await region.#write(`route.route-${i}`, { kind: "Route", name: `route-${i}`, method: "GET", ...each });
    const secrets = join(region.folder, "secrets");
    await mkdir(secrets, { mode: 0o700 });
    for (const [name, values] of Object.entries(variables))
      await writeFile(join(secrets, `variables.${name}.json`), JSON.stringify(values), { mode: 0o600 });
    return region;
  }

  async #write(name, document) {
    await writeFile(join(this.folder, `${name}.json`), JSON.stringify({ apiVersion: API_VERSION, ...document }));
  }

  /** Arguments of `node` that start a gateway of this region. */
  get gatewayArguments() {
    return [join(BENCH_FOLDER, "servers", "gateway.mjs"), this.folder, BENCH_FOLDER];
  }

  /** What the running gateway says of itself. */
  async status() {
    const { adminUrl, token } = JSON.parse(await readFile(join(this.folder, "state", "gateway.json"), "utf8"));
    const answer = await fetch(`${adminUrl}/status`, { headers: { authorization: `Bearer ${token}` } });
    return answer.json();
  }

  async remove() {
    await rm(this.folder, { recursive: true, force: true });
  }
}
