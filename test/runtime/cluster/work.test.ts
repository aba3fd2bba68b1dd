import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";

import { type InvocationCaller } from "../../../src/gateway/invocations/invocation";
import { codeFolder } from "../../support/codeFolder";
import { expectNoRunForWhoLeaves } from "../../support/leavingCaller";
import { LinkGateway, linkRoots } from "../../support/linkGateway";
import { PodProcess, type PodOptions, removePods } from "../../support/podProcess";
import { waitUntil } from "../../support/waitUntil";

let gateways: LinkGateway[] = [];

afterEach(async () => {
  await removePods();
  await Promise.all(gateways.map((gateway) => gateway.close()));
});

/** So many gateways that know each other, and one instance that is linked to all of them. */
async function serve(
  count: number,
  { concurrency = 1, ...options }: Partial<PodOptions> & Pick<PodOptions, "code">,
): Promise<PodProcess> {
  const roots = linkRoots(1);
  const functions = { f: { concurrency, timeoutSeconds: options.timeoutSeconds ?? 30 } };
  gateways = await Promise.all(Array.from({ length: count }, () => LinkGateway.start({ roots, functions })));
  for (const gateway of gateways) gateway.setPeers(gateways.map(({ address }) => address));
  const pod = await PodProcess.start({
    function: "f",
    gateways: `localhost:${gateways[0].port}`,
    roots,
    concurrency,
    ...options,
  });
  await waitUntil("all gateways have the instance", () => gateways.every(({ events }) => events.length > 0));
  return pod;
}

/** Answers with the highest number of invocations that have run at once. */
const COUNTING = `
  let running = 0, most = 0;
  module.exports = async (req, res) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms ?? 0)));
    running--;
    res.send(String(most));
  };`;

test("an instance works for all gateways, those that it learns of by another one included", async () => {
  const pod = await serve(3, { code: "module.exports = (req, res) => res.send(req.query.n)" });
  for (const [n, gateway] of gateways.entries()) {
    const answer = await gateway.invoke("f", { query: `n=${n}` });
    expect([answer.status, answer.body.toString(), answer.error]).toEqual([200, String(n), undefined]);
    expect(gateway.events).toEqual([`linked ${pod.name}`]);
  }
  expect(pod.output).toBe("");
});

test("a handler sees the app's parameters, and nothing of how its pod is linked", async () => {
  await serve(1, {
    code: {
      "src/index.js": `module.exports = (req, res) =>
        res.json({ params: req.appParams, app: req.appInfo.appName, variables: Object.keys(process.env) });`,
    },
    config: { paramsFile: join(codeFolder({ "params.json": '{"currency":"EUR"}' }), "params.json") },
  });
  const answer = JSON.parse((await gateways[0].invoke("f")).body.toString()) as { variables: string[] };
  expect(answer).toMatchObject({ params: { currency: "EUR" }, app: "shop" });
  expect(answer.variables.filter((name) => name.startsWith("FULLCODE"))).toEqual([]);
});

describe.each([1, 4, 16])("three gateways that flood an instance of concurrency %i", (concurrency) => {
  /** How many invocations a gateway that always has 40 to send gets answered. */
  async function flood(gateway: LinkGateway, milliseconds: number): Promise<number> {
    const end = performance.now() + milliseconds;
    let count = 0;
    const loop = async () => {
      for (; performance.now() < end; count++) {
        const { status, body } = await gateway.invoke("f", { query: "ms=2" });
        expect(status).toBe(200);
        expect(Number(body.toString())).toBeLessThanOrEqual(concurrency);
      }
    };
    await Promise.all(Array.from({ length: 40 }, loop));
    return count;
  }

  test("never run more than that at once, and none of them starves", async () => {
    await serve(3, { code: COUNTING, concurrency });
    const alone = await flood(gateways[0], 1_000);
    const together = await Promise.all(gateways.map((gateway) => flood(gateway, 1_000)));
    const [least, , most] = [...together].sort((a, b) => a - b);
    expect(least / most).toBeGreaterThan(0.7);
    // turns cost something, but leave no places empty
    expect(together.reduce((a, b) => a + b) / alone).toBeGreaterThan(0.5);
  });

  test("leave a place at once to one that has had nothing to send before", async () => {
    await serve(3, { code: COUNTING, concurrency });
    let flooding = true;
    const flood = gateways.slice(0, 2).map(async (gateway) => {
      while (flooding) await Promise.all(Array.from({ length: 40 }, () => gateway.invoke("f", { query: "ms=5" })));
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      const started = performance.now();
      expect((await gateways[2].invoke("f", { query: "ms=5" })).status).toBe(200);
      waits.push(performance.now() - started);
    }
    flooding = false;
    await Promise.all(flood);
    // two turns of others and its own at most, on a machine that does other things too
    expect(waits.sort((a, b) => a - b)[5]).toBeLessThan(1_000);
  });
});

test("after a flood every gateway has its credits back", async () => {
  await serve(3, { code: COUNTING, concurrency: 4 });
  await Promise.all(
    gateways.flatMap((gateway) => Array.from({ length: 50 }, () => gateway.invoke("f", { query: "ms=1" }))),
  );
  await waitUntil("they have them", () => gateways.every((gateway) => gateway.dispatcher("f").freeCredits === 4));
});

test("an invocation that is declined everywhere waits for a place, and is not offered again and again", async () => {
  await serve(2, { code: COUNTING, concurrency: 1, name: "full" });
  const long = gateways[0].invoke("f", { query: "ms=400" });
  await waitUntil("it runs", () => gateways[0].dispatcher("f").running === 1);
  let offers = 0;
  const [link] = gateways[1].dispatcher("f").live;
  const invoke = link.invoke.bind(link);
  link.invoke = (...args) => {
    offers++;
    invoke(...args);
  };
  const other = gateways[1].invoke("f");
  expect((await long).status).toBe(200);
  expect((await other).status).toBe(200);
  // one that comes when the place is free already is not declined
  expect(offers).toBeLessThanOrEqual(2);
});

test("a body of 5 MB that is declined and offered again arrives whole, and is sent only once it is accepted", async () => {
  await serve(2, {
    code: `module.exports = async (req, res) => {
      if (req.query.ms) return new Promise((resolve) => setTimeout(resolve, 300));
      const hash = require("node:crypto").createHash("sha256").update(req.body).digest("hex");
      res.send(req.body.length + " " + hash);
    };`,
  });
  const body = randomBytes(5_000_000);
  const long = gateways[0].invoke("f", { query: "ms=1" });
  await waitUntil("it runs", () => gateways[0].dispatcher("f").running === 1);
  const answers = await Promise.all(gateways.map((gateway) => gateway.invoke("f", { body })));
  const expected = `5000000 ${createHash("sha256").update(body).digest("hex")}`;
  expect(answers.map(({ status, body: text }) => [status, text.toString()])).toEqual([
    [200, expected],
    [200, expected],
  ]);
  expect((await long).status).toBe(204);
});

test("a caller that leaves while its multipart body is read has no handler run", async () => {
  await serve(1, { code: "let ran = 0; module.exports = (req, res) => res.send(String(++ran));" });
  await expectNoRunForWhoLeaves(gateways[0]);
});

test("streams of several gateways run beside each other, each as fast as its own caller reads", async () => {
  await serve(2, {
    code: `module.exports = async (req, res) => {
      const stream = res.stream();
      for (let i = 0; i < 300; i++) if (!stream.write(Buffer.alloc(20_000, i))) await new Promise((resolve) => stream.once("drain", resolve));
      stream.end();
    };`,
    concurrency: 4,
  });
  const read = (gateway: LinkGateway, beforeMore?: Promise<unknown>) =>
    new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      const caller: InvocationCaller = {
        answer: () => reject(new Error("not streamed")),
        fail: reject,
        streamStart: () => undefined,
        streamChunk: (chunk, taken) => {
          chunks.push(Buffer.from(chunk));
          if (beforeMore === undefined) taken();
          else void beforeMore.then(taken);
        },
        streamEnd: () => resolve(Buffer.concat(chunks)),
        streamFail: reject,
      };
      gateway.submit("f", caller, {});
    });
  const fast = Promise.all(gateways.map((gateway) => read(gateway)));
  // these take nothing until the others are through
  const slow = gateways.map((gateway) => read(gateway, fast));
  const bodies = [...(await fast), ...(await Promise.all(slow))];
  const expected = Buffer.concat(Array.from({ length: 300 }, (_, i) => Buffer.alloc(20_000, i)));
  for (const body of bodies) expect(body.equals(expected)).toBe(true);
});
