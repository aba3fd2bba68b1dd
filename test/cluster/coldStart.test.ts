import { removeCodeFolders } from "../support/codeFolder";
import { Collector } from "./support/collector";
import { answerOf } from "./support/httpLoad";
import { pollUntil } from "./support/pollUntil";
import { TestRegion } from "./support/regions";
import { declareShop, namespaceOf, sendMessage, WORK_PODS } from "./support/shop";
import { openStack, type TestStack } from "./support/testStack";

const APP = "cold";
const NAMESPACE = namespaceOf(APP);

describe("a function without instances", () => {
  const eu = new TestRegion("eu");
  const collector = new Collector();
  let stack: TestStack;
  let url: string;
  beforeAll(async () => {
    const address = await collector.listen("eu");
    stack = await openStack(APP, "test");
    await stack.deploy(() => declareShop(APP, { collector: address, work: { scale: { idle: 2 } } }));
    url = await eu.serviceUrl(NAMESPACE, "gateway");
  });
  beforeEach(() => eu.untilPods(NAMESPACE, WORK_PODS, 0));
  afterAll(async () => {
    await stack.destroy();
    collector.close();
    removeCodeFolders();
  });

  test("answers its first request", async () => {
    const answer = JSON.parse(await answerOf(`${url}/work`)) as object;
    expect(answer).toMatchObject({ version: "1", region: "eu", type: "endpoint" });
  });

  test("answers 200 requests that come at once", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => answerOf(`${url}/work?ms=50`)));
    expect(answers).toHaveLength(200);
  });

  test("is started by a message, and handles it", async () => {
    collector.reports.length = 0;
    await sendMessage(url, { id: "first" });
    await pollUntil("the message is handled", () => collector.reports.length > 0, 30_000);
    expect(collector.reports).toMatchObject([{ type: "queue", body: { id: "first" }, deliveryAttempt: 1 }]);
  });
});
