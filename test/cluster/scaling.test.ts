import { removeCodeFolders } from "../support/codeFolder";
import { Collector } from "./support/collector";
import { answerOf, HttpLoad } from "./support/httpLoad";
import { pollUntil } from "./support/pollUntil";
import { TestRegion } from "./support/regions";
import { declareShop, namespaceOf, sendMessage, WORK_PODS } from "./support/shop";
import { openStack, type TestStack } from "./support/testStack";

const APP = "scaling";
const NAMESPACE = namespaceOf(APP);
const CONCURRENCY = 4;

describe("a function is scaled", () => {
  const eu = new TestRegion("eu");
  const collector = new Collector();
  let stack: TestStack;
  let url: string;
  beforeAll(async () => {
    const address = await collector.listen("eu");
    const work = { scale: { idle: 3, max: 3 }, concurrency: CONCURRENCY };
    stack = await openStack(APP, "test");
    await stack.deploy(() => declareShop(APP, { collector: address, work }));
    url = await eu.serviceUrl(NAMESPACE, "gateway");
  });
  afterAll(async () => {
    await stack.destroy();
    collector.close();
    removeCodeFolders();
  });

  test("with its load: from none to several, to one, and back to none", async () => {
    await eu.untilPods(NAMESPACE, WORK_PODS, 0);
    const load = new HttpLoad({ url: `${url}/work?ms=200`, connections: 3 * CONCURRENCY });
    await eu.untilPods(NAMESPACE, WORK_PODS, 3);
    const atMost = await load.stop();
    const rest = new HttpLoad({ url: `${url}/work?ms=200`, connections: CONCURRENCY });
    await eu.untilPods(NAMESPACE, WORK_PODS, 1);
    const { failures } = await rest.stop();
    await eu.untilPods(NAMESPACE, WORK_PODS, 0);
    expect([...atMost.failures, ...failures]).toEqual([]);
  });

  test("by the messages that wait for it, and those that it has not finished", async () => {
    collector.reports.length = 0;
    await Promise.all(Array.from({ length: 40 }, (_, id) => sendMessage(url, { id, ms: 2_000 })));
    await eu.untilPods(NAMESPACE, WORK_PODS, 3);
    await pollUntil("all messages are handled", () => collector.reports.length === 40);
    await eu.untilPods(NAMESPACE, WORK_PODS, 0);
    const ids = collector.reports.map(({ body }) => (body as { id: number }).id);
    expect(new Set(ids).size).toBe(40);
    expect(ids).toHaveLength(40);
    expect(collector.reports.every(({ deliveryAttempt }) => deliveryAttempt === 1)).toBe(true);
  });

  test("not to none while an invocation runs longer than it may be idle", async () => {
    expect(JSON.parse(await answerOf(`${url}/work?ms=12000`))).toMatchObject({ version: "1" });
  });
});
