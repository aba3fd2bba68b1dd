import { removeCodeFolders } from "../support/codeFolder";
import { HttpLoad } from "./support/httpLoad";
import { pollUntil } from "./support/pollUntil";
import { TestRegion } from "./support/regions";
import { declareShop, namespaceOf, WORK_PODS } from "./support/shop";
import { openStack, type TestStack } from "./support/testStack";

const APP = "rotation";
const NAMESPACE = namespaceOf(APP);

test("a new generation of the links' secret costs no request", async () => {
  const eu = new TestRegion("eu");
  const stack: TestStack = await openStack(APP, "test");
  const deploy = (linkGeneration: number) =>
    stack.deploy(() => declareShop(APP, { work: { scale: { min: 1, max: 1 } }, platform: { linkGeneration } }));
  try {
    await deploy(1);
    const [before] = await eu.untilPods(NAMESPACE, WORK_PODS, 1);
    const load = new HttpLoad({ url: `${await eu.serviceUrl(NAMESPACE, "gateway")}/work?ms=20`, connections: 64 });
    await pollUntil("the load is answered", () => load.result.succeeded > 500);
    const { changes } = await deploy(2);
    expect(changes.create.map((urn) => urn.split("::").at(-1))).toEqual(["test.eu.link-root-2"]);
    await pollUntil(
      "another pod has the new token",
      async () => {
        const [pod, ...others] = await eu.untilPods(NAMESPACE, WORK_PODS, 1);
        return others.length === 0 && pod.metadata.name !== before.metadata.name;
      },
      90_000,
    );
    const so = load.result.succeeded;
    await pollUntil("it answers", () => load.result.succeeded > so + 500);
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
  } finally {
    await stack.destroy();
    removeCodeFolders();
  }
});
