import { GATEWAY_PORTS } from "../../src/spec";
import { removeCodeFolders } from "../support/codeFolder";
import { HttpLoad } from "./support/httpLoad";
import { pollUntil } from "./support/pollUntil";
import { type Pod, TestRegion } from "./support/regions";
import { declareShop, GATEWAY_PODS, namespaceOf, WORK_PODS } from "./support/shop";
import { openStack, type TestStack } from "./support/testStack";

const APP = "loss";
const NAMESPACE = namespaceOf(APP);
const CONNECTIONS = 32;

describe("a gateway that is killed", () => {
  const eu = new TestRegion("eu");
  let stack: TestStack;
  let gateways: Pod[];
  let instances: Pod[];
  beforeAll(async () => {
    stack = await openStack(APP, "test");
    await stack.deploy(() => declareShop(APP, { work: { scale: { min: 2, max: 2 } } }));
    gateways = await eu.untilPods(NAMESPACE, GATEWAY_PODS, 2);
    instances = await eu.untilPods(NAMESPACE, WORK_PODS, 2);
  });
  afterAll(async () => {
    await stack.destroy();
    removeCodeFolders();
  });

  /** Load on one gateway, not on whichever their Service picks. */
  function loadOn(pod: Pod): HttpLoad {
    const url = `http://${pod.status.podIP}:${GATEWAY_PORTS.http}/work?ms=100`;
    return new HttpLoad({ url, connections: CONNECTIONS });
  }
  const untilBusy = (load: HttpLoad) => {
    const { succeeded } = load.result;
    return pollUntil("requests are answered", () => load.result.succeeded > succeeded + 5 * CONNECTIONS);
  };

  test("takes along the requests that are open on it, and no other", async () => {
    const [killed, kept] = gateways.map(loadOn);
    await Promise.all([untilBusy(killed), untilBusy(kept)]);
    const before = killed.result.succeeded;
    await eu.kill(gateways[0]);
    await pollUntil("the loss is noticed", () => killed.result.failures.length > 0);
    const [lost] = await Promise.all([killed.stop(), untilBusy(kept)]);
    const { failures } = await kept.stop();

    expect(failures).toEqual([]);
    expect(lost.succeeded).toBeGreaterThanOrEqual(before);
    // a connection repeats until it is stopped, but what it lost is one request
    const first = new Map(lost.failures.toReversed().map((failure) => [failure.connection, failure.reason]));
    expect([...first.values()].filter((reason) => !/socket hang up|ECONNRESET/.test(reason))).toEqual([]);
    expect(first.size).toBeLessThanOrEqual(CONNECTIONS);
  });

  test("costs no instance, and serves again", async () => {
    await eu.untilPods(NAMESPACE, GATEWAY_PODS, 2);
    const loads = gateways.map(loadOn);
    await Promise.all(loads.map(untilBusy));
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    const now = await eu.pods(NAMESPACE, WORK_PODS);
    expect(now.map(restarts)).toEqual(instances.map(({ metadata }) => ({ name: metadata.name, restarts: 0 })));
  });
});

function restarts({ metadata, status }: Pod) {
  return { name: metadata.name, restarts: status.containerStatuses?.[0].restartCount };
}
