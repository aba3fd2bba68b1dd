import {
  Environment,
  FullCodeFunction,
  kubernetes,
  type KubernetesArgs,
  local,
  type Platform,
  ServerlessApp,
} from "../../../src";
import { addFile, codeFolder, type FileSpec, removeCodeFolders } from "../../support/codeFolder";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../../support/declareCluster";

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
