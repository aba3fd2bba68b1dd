import { existsSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";

import {
  dockerImageBuilder,
  Environment,
  FullCodeFunction,
  kubernetes,
  type KubernetesArgs,
  local,
  type Platform,
  ServerlessApp,
} from "../../../src";
import { addFile, codeFolder, type FileSpec, removeCodeFolders } from "../../support/codeFolder";
import { type DeclaredCluster, declareCluster, inProjectFolder, plain } from "../../support/declareCluster";

inProjectFolder();
beforeEach(() => {
  jest.spyOn(console, "log").mockImplementation();
  jest.spyOn(console, "warn").mockImplementation();
});
afterAll(removeCodeFolders);

const REGION: KubernetesArgs = { registry: "registry.example.com/shop", gateway: { image: "acme/gateway:1" } };
const IMAGE = "Image";

/** One function in these regions. */
function declareFunction(code: string, regions: Record<string, Platform>): Promise<DeclaredCluster> {
  return declareCluster(() => {
    const app = new ServerlessApp("shop");
    const environment = new Environment("test", { app, type: "test", regions });
    const { version } = new FullCodeFunction("orders", { app, environments: [environment], code });
    return { version };
  });
}

describe("the version of a function", () => {
  const files: Record<string, FileSpec> = { "src/index.js": "module.exports = () => {};" };
  const localVersion = ({ resources }: DeclaredCluster): unknown => {
    const found = resources.find(({ name, type }) => name === "orders.test.here" && !type.startsWith("fullcode:index"));
    return (found?.inputs.content as { version?: unknown }).version;
  };

  test("in clusters is that of the image, so that a file of one machine changes neither image nor pods", async () => {
    const code = codeFolder(files);
    const regions = () => ({ eu: kubernetes(REGION) });
    const before = await declareFunction(code, regions());
    for (const path of [".env", "config/.env.local", ".npmrc"]) addFile(code, path, "KEY=1");
    const after = await declareFunction(code, regions());
    expect(after.resource(IMAGE, "orders.registry.example.com/shop").inputs).toEqual(
      before.resource(IMAGE, "orders.registry.example.com/shop").inputs,
    );
    for (const kind of ["Deployment", "ConfigMap"])
      expect(after.object(kind, "orders.test.eu")).toEqual(before.object(kind, "orders.test.eu"));
    expect(after.outputs.version).toBe(after.document("orders.test.eu").version);
  });

  test("in a local region changes with each file of its folder, of which instances may read any", async () => {
    const code = codeFolder(files);
    const regions = () => ({ here: local(), eu: kubernetes(REGION) });
    const before = await declareFunction(code, regions());
    addFile(code, ".env", "KEY=1");
    const after = await declareFunction(code, regions());
    expect(localVersion(before)).toBe(before.document("orders.test.eu").version);
    expect(localVersion(after)).not.toBe(localVersion(before));
    expect(after.document("orders.test.eu").version).toBe(before.document("orders.test.eu").version);
    const alone = await declareFunction(code, { here: local() });
    expect(alone.outputs.version).toBe(localVersion(after));
  });
});

test("nothing is staged or built where a program is evaluated for its local regions only", async () => {
  process.env.FULLCODE_EVALUATION = "true";
  try {
    const code = codeFolder({ "src/index.ts": "const x: = 1;" });
    const { resources } = await declareCluster(
      () => {
        const app = new ServerlessApp("shop");
        const regions = { eu: kubernetes({ registry: "registry.example.com/evaluated" }) };
        const environment = new Environment("test", { app, type: "test", regions });
        new FullCodeFunction("evaluated", { app, environments: [environment], code, entrypoint: "src/index.ts" });
      },
      { preview: true },
    );
    expect(resources.filter(({ type }) => type.endsWith(`:${IMAGE}`))).toEqual([]);
    expect(existsSync(".fullcode/dev/images/evaluated")).toBe(false);
  } finally {
    delete process.env.FULLCODE_EVALUATION;
  }
});

describe("regions that have the same images", () => {
  const code = () => codeFolder({ "src/index.js": "" });
  const regions = (a: Partial<KubernetesArgs>, b: Partial<KubernetesArgs>) => ({
    a: kubernetes({ ...REGION, context: "a", ...a }),
    b: kubernetes({ ...REGION, context: "b", ...b }),
  });
  const builder = dockerImageBuilder();
  const login = (password: pulumi.Input<string>) => ({ registryCredentials: { username: "ci", password } });
  const ADVICE =
    'region "test/a", which has the same images: give both regions the same, or one of them another path in the registry';

  /** What is wrong with regions of one program, each in an environment of its own where it has a name with a dot. */
  const problems = (given: Record<string, Platform>): unknown[] => {
    const scope = {};
    return Object.entries(given).flatMap(([name, platform]) => {
      const [region, environment = "test"] = name.split(".");
      return platform.plan({ app: "shop", place: { environment, region } }, scope).problems;
    });
  };

  test.each<[string, Partial<KubernetesArgs>, Partial<KubernetesArgs>, string, string]>([
    ["revisions", { revision: "1" }, { revision: "2" }, "revision", `"2" differs from "1" of ${ADVICE}`],
    ["revisions", {}, { revision: "2" }, "revision", `"2" differs from no revision of ${ADVICE}`],
    ["builders", {}, { imageBuilder: builder }, "imageBuilder", `is another one than that of ${ADVICE}`],
    ["logins", login("x"), login("y"), "registryCredentials", `differ from those of ${ADVICE}`],
  ])("cannot have different %s", (_what, a, b, argument, problem) => {
    expect(problems(regions(a, b))).toEqual([[argument, problem]]);
    expect(problems(regions(a, a))).toEqual([]);
    expect(problems(regions(a, { ...b, registry: "registry.example.com/other" }))).toEqual([]);
  });

  test("are checked across environments", () => {
    const { a, b } = regions({ revision: "1" }, { revision: "2" });
    expect(problems({ "eu.production": a, "eu.staging": b })).toEqual([
      ["revision", expect.stringContaining('differs from "1" of region "production/eu"')],
    ]);
  });

  test.each([
    ["the one login that they have", {}, login(pulumi.secret("s3cret"))],
    ["their login, whose password is known later", login(pulumi.secret("s3cret")), login(pulumi.secret("s3cret"))],
  ])("push with %s", async (_what, a, b) => {
    const cluster = await declareFunction(code(), regions(a, b));
    const { registry } = cluster.resource(IMAGE, "orders.registry.example.com/shop").inputs;
    expect(plain(registry)).toEqual({ server: "registry.example.com", username: "ci", password: "s3cret" });
  });
});
