import { removeCodeFolders } from "../support/codeFolder";
import { HttpLoad } from "./support/httpLoad";
import { pollUntil } from "./support/pollUntil";
import { type KubernetesObject } from "./support/kubectl";
import { isReady, type Pod, TestRegion } from "./support/regions";
import { declareShop, GATEWAY_PODS, namespaceOf, type ShopOptions, WORK_PODS } from "./support/shop";
import { openStack, type TestStack } from "./support/testStack";

const APP = "rollouts";
const NAMESPACE = namespaceOf(APP);
const CONNECTIONS = 64;
const OPTIONS: ShopOptions = { work: { scale: { min: 2, max: 3 } } };

interface Deployment extends KubernetesObject {
  status: { replicas: number; updatedReplicas: number; readyReplicas: number; observedGeneration: number };
}

describe("under 64 kept-alive connections, no request fails while", () => {
  const eu = new TestRegion("eu");
  let stack: TestStack;
  let load: HttpLoad;
  let options = OPTIONS;

  async function deploy(changes: ShopOptions): Promise<void> {
    options = { ...options, ...changes };
    await stack.deploy(() => declareShop(APP, options));
  }

  beforeAll(async () => {
    stack = await openStack(APP, "test");
    await deploy({});
  });
  beforeEach(async () => {
    await eu.untilPods(NAMESPACE, GATEWAY_PODS, 2);
    await eu.untilPods(NAMESPACE, WORK_PODS, 2);
    const url = await eu.serviceUrl(NAMESPACE, "gateway");
    load = new HttpLoad({ url: `${url}/work?ms=20`, connections: CONNECTIONS, pauseMs: 100 });
    await pollUntil("there is load", () => load.result.succeeded > 5 * CONNECTIONS);
  });
  afterEach(async () => {
    await load.stop();
  });
  afterAll(async () => {
    await stack.destroy();
    removeCodeFolders();
  });

  /** Waits until all pods are of the latest version and the others are gone, lets the load go on, and judges it. */
  async function expectNoFailure(): Promise<void> {
    for (const [name, selector] of [
      ["gateway", GATEWAY_PODS],
      ["function-work", WORK_PODS],
    ]) {
      await eu.run("rollout", "status", "--namespace", NAMESPACE, `deployment/${name}`, "--timeout", "120s");
      const { status } = await eu.get<Deployment>(NAMESPACE, "deployment", name);
      await eu.untilPods(NAMESPACE, selector, status.replicas);
    }
    const { succeeded } = load.result;
    await pollUntil("the load goes on", () => load.result.succeeded > succeeded + 5 * CONNECTIONS);
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
  }

  /** Versions that answered the last requests of the load. */
  async function untilVersion(version: string): Promise<void> {
    const count = () => answersOf(load, version);
    await pollUntil(`version ${version} answers`, () => count() > CONNECTIONS);
  }

  test("a new version of the function is rolled out", async () => {
    await deploy({ version: "2" });
    await untilVersion("2");
    await expectNoFailure();
  });

  test("the secret of the links is renewed", async () => {
    await deploy({ platform: { linkGeneration: 2 } });
    await expectNoFailure();
  });

  test("the gateways are rolled out", async () => {
    await deploy({ platform: { ...options.platform, annotations: { "example.com/note": "changed" } } });
    await expectNoFailure();
  });

  test("a gateway's pod is deleted", async () => {
    const [pod] = await eu.pods(NAMESPACE, GATEWAY_PODS);
    await eu.run("delete", "pod", "--namespace", NAMESPACE, pod.metadata.name, "--wait=false");
    await untilReplaced(pod, GATEWAY_PODS);
    await expectNoFailure();
  });

  test("a function's pod is evicted", async () => {
    const [pod] = await eu.pods(NAMESPACE, WORK_PODS);
    await eu.evict(NAMESPACE, pod.metadata.name);
    await untilReplaced(pod, WORK_PODS);
    await expectNoFailure();
  });

  test("the function is scaled down", async () => {
    await deploy({ work: { scale: { min: 1, max: 3 } } });
    await eu.untilPods(NAMESPACE, WORK_PODS, 1);
    await expectNoFailure();
  });

  async function untilReplaced({ metadata }: Pod, selector: string): Promise<void> {
    await pollUntil(`${metadata.name} is replaced`, async () => {
      const pods = await eu.list<Pod>(NAMESPACE, "pods", selector);
      return pods.length === 2 && pods.every((each) => each.metadata.name !== metadata.name && isReady(each));
    });
  }
});

function answersOf({ result }: HttpLoad, version: string): number {
  let count = 0;
  for (const [answer, times] of result.answers)
    if ((JSON.parse(answer) as { version: string }).version === version) count += times;
  return count;
}
