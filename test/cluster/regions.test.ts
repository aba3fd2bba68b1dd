import { removeCodeFolders } from "../support/codeFolder";
import { answerOf } from "./support/httpLoad";
import { startProcess, stopProcess } from "./support/machine";
import { pollUntil } from "./support/pollUntil";
import { TestRegion } from "./support/regions";
import { declareShop, namespaceOf } from "./support/shop";
import { type Deployment, openStack, type TestStack } from "./support/testStack";

const APP = "two";
const NAMESPACE = namespaceOf(APP);
/** The function stays up, so that answers need no autoscaler: what is tested here is how regions depend on each other. */
const WORK = { scale: { min: 1, max: 1 } };

describe("two regions", () => {
  const [eu, us] = [new TestRegion("eu"), new TestRegion("us")];
  let stack: TestStack;
  let urls: Record<"eu" | "us", string>;
  const deploy = (version: string, options = {}) =>
    stack.deploy(() => declareShop(APP, { version, regions: ["eu", "us"], work: WORK }), options);
  beforeAll(async () => {
    stack = await openStack(APP, "test");
    await deploy("1");
    urls = { eu: await eu.serviceUrl(NAMESPACE, "gateway"), us: await us.serviceUrl(NAMESPACE, "gateway") };
  });
  afterAll(async () => {
    await stack.destroy();
    removeCodeFolders();
  });

  const answer = async (region: "eu" | "us") =>
    JSON.parse(await answerOf(`${urls[region]}/work`)) as { region: string; version: string };
  const untilVersion = (region: "eu" | "us", version: string) =>
    pollUntil(
      `${region} answers by version ${version}`,
      async () => (await answer(region)).version === version,
      60_000,
    );
  const imagesIn = ({ changes }: Deployment) =>
    Object.values(changes).flatMap((urns) => urns.filter((urn) => urn.includes("docker:index/image:Image::work")));

  test("serve the same program by one image, each as itself", async () => {
    await expect(answer("eu")).resolves.toMatchObject({ region: "eu", version: "1" });
    await expect(answer("us")).resolves.toMatchObject({ region: "us", version: "1" });
    const digests = await Promise.all(
      [eu, us].map(
        async (region) => (await region.pods(NAMESPACE, "fullcode/function=work"))[0].spec.containers[0].image,
      ),
    );
    expect(digests[0]).toMatch(/^localhost:5000\/two\/work@sha256:[0-9a-f]{64}$/);
    expect(digests[1]).toBe(digests[0]);
  });

  test("an unchanged program changes nothing and builds nothing", async () => {
    const { changes } = await deploy("1");
    expect({ ...changes, same: [] }).toEqual({ create: [], update: [], replace: [], delete: [], same: [] });
  });

  test("a region whose API server is down goes on serving, and keeps the other from nothing", async () => {
    await stopProcess("us", "apiserver");
    try {
      const failed = deploy("2", { continueOnError: true });
      await expect(failed).rejects.toThrow(/test\.us|work\.test\.us/);
      // the engine names what it changed as well
      await expect(failed).rejects.not.toThrow(/^urn:\S*test\.eu|test\.eu\S* [^\n]*failed/m);
      await untilVersion("eu", "2");
      await expect(answer("us")).resolves.toMatchObject({ region: "us", version: "1" });
    } finally {
      await startProcess("us", "apiserver");
    }
    await us.run("wait", "--for", "condition=Ready", "nodes", "--all", "--timeout", "60s");
    const mended = await deploy("2");
    expect(imagesIn(mended)).toHaveLength(1);
    await untilVersion("us", "2");
  });
});
