import { clients } from "../support/clients";
import { testGateways, type TestGateway } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const say = (text: string) => `module.exports = (req, res) => res.send(${JSON.stringify(text)});`;

/** Calls a path without pause until it is stopped, or the test ends; collects the statuses that are not 200. */
function traffic(gateway: TestGateway, path: string) {
  const failures: unknown[] = [];
  let count = 0;
  const load = clients(8, async (agent) => {
    await gateway.call(path, { agent }).then(
      ({ status }) => status === 200 || failures.push(status),
      (error: Error) => failures.push(error.message),
    );
    count++;
  });
  return {
    get count() {
      return count;
    },
    async stop() {
      await load.stop();
      return failures;
    },
  };
}

test("routes come, change and go under traffic without a failed request", async () => {
  const gateway = await gateways.start({ functions: { f: say("f"), g: say("g") }, routes: { f: {} } });
  const { region } = gateway;
  const load = traffic(gateway, "/f");
  await waitUntil("there is traffic", () => load.count > 20);
  await region.document({ kind: "Route", name: "g", function: "g", method: "GET", path: "/g" });
  await waitUntil("the new route answers", async () => (await gateway.call("/g")).text === "g");
  await region.document({ kind: "Route", name: "g", function: "g", method: "GET", path: "/moved" });
  await waitUntil("the changed route answers", async () => (await gateway.call("/moved")).text === "g");
  expect((await gateway.call("/g")).status).toBe(404);
  await region.remove("Route", "g");
  await waitUntil("the removed route is gone", async () => (await gateway.call("/moved")).status === 404);
  expect(await load.stop()).toEqual([]);
});

test("a new version of a function takes over under traffic without a failed request", async () => {
  const gateway = await gateways.start({ functions: { f: say("old") }, routes: { f: {} } });
  const load = traffic(gateway, "/f");
  await waitUntil("there is traffic", () => load.count > 20);
  await gateway.region.function("f", { code: say("new"), version: "v2" });
  await waitUntil("the new version answers", async () => (await gateway.call("/f")).text === "new");
  expect(await load.stop()).toEqual([]);
  expect((await gateway.gateway.status()).functions[0].version).toBe("v2");
});

test("a version with a shorter timeout takes over, and what runs under the longer one is finished", async () => {
  const code = `module.exports = async (req, res) => {
    await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms ?? 0)));
    res.send("done");
  };`;
  const gateway = await gateways.start({ functions: { f: { code, timeoutSeconds: 20 } }, routes: { f: {} } });
  // longer than the new timeout and the time that an instance has to end
  const running = gateway.call("/f?ms=7000");
  await waitUntil("it runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  await gateway.region.function("f", { code, timeoutSeconds: 0.5, version: "v2" });
  await waitUntil("the new timeout holds", async () => (await gateway.call("/f?ms=1000")).status === 504);
  expect(await running).toMatchObject({ status: 200, text: "done" });
});

test("changed params and variables roll instances under traffic without a failed request", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.send(req.appParams.currency + process.env.KEY);" },
    routes: { f: {} },
    params: { currency: "EUR" },
    variables: { f: { KEY: "1" } },
  });
  const load = traffic(gateway, "/f");
  expect((await gateway.call("/f")).text).toBe("EUR1");
  await gateway.region.params({ currency: "USD" });
  await waitUntil("the new params are there", async () => (await gateway.call("/f")).text === "USD1");
  for (let i = 2; i < 12; i++) await gateway.region.variables("f", { KEY: String(i) });
  await waitUntil("the new variables are there", async () => (await gateway.call("/f")).text === "USD11");
  expect(await load.stop()).toEqual([]);
});

test("a changed scale is kept to at once, by the instances that are there and without a roll", async () => {
  const scaled = (scale: { min: number; max: number; idleSeconds: number }) => ({
    code: `module.exports = async (req, res) => {
      await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms ?? 0)));
      res.send(String(process.pid));
    };`,
    concurrency: 1,
    scale,
  });
  const gateway = await gateways.start({
    functions: { f: scaled({ min: 0, max: 1, idleSeconds: 86_400 }) },
    routes: { f: {} },
  });
  const state = async () => (await gateway.gateway.status()).functions[0];
  const instances = (count: number) =>
    waitUntil(`there are ${count} instances`, async () => (await state()).instances === count);
  const { text: first } = await gateway.call("/f");
  await gateway.region.function("f", scaled({ min: 2, max: 3, idleSeconds: 86_400 }));
  await instances(2);
  const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.call("/f?ms=300")));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
  const pids = new Set(answers.map(({ text }) => text));
  expect(pids.size).toBe(3);
  expect(pids).toContain(first);
  await gateway.region.function("f", scaled({ min: 1, max: 2, idleSeconds: 86_400 }));
  await instances(2);
  await gateway.region.function("f", scaled({ min: 1, max: 2, idleSeconds: 0.5 }));
  await instances(1);
  await gateway.region.function("f", scaled({ min: 0, max: 2, idleSeconds: 0.5 }));
  await instances(0);
});

test("an idle time that becomes longer is kept to from then on", async () => {
  const scaled = (idleSeconds: number) => ({ code: say("f"), concurrency: 1, scale: { min: 0, max: 1, idleSeconds } });
  const gateway = await gateways.start({ functions: { f: scaled(0.1) }, routes: { f: {} } });
  const instances = async () => (await gateway.gateway.status()).functions[0].instances;
  await gateway.call("/f");
  await waitUntil("it has gone", async () => (await instances()) === 0);
  await gateway.region.function("f", scaled(2));
  await gateway.gateway.reload();
  await gateway.call("/f");
  expect(await instances()).toBe(1);
  const started = performance.now();
  await waitUntil("it has gone", async () => (await instances()) === 0, 10_000);
  expect(performance.now() - started).toBeGreaterThan(1_500);
});

test("an invalid document is reported and its last valid version served", async () => {
  const gateway = await gateways.start({ functions: { f: say("f") }, routes: { f: {} } });
  const problems = async () => (await gateway.gateway.status()).problems;
  for (const text of [
    "{",
    "null",
    '{"apiVersion":"fullcode/v9","kind":"Route"}',
    '{"apiVersion":"fullcode/v1","kind":"Route","name":"f"}',
  ]) {
    await gateway.region.raw("route.f.json", text);
    await gateway.gateway.reload();
    expect(await problems()).toEqual([expect.stringMatching(/route\.f\.json.*its last valid version is served/s)]);
    expect((await gateway.call("/f")).text).toBe("f");
  }
  await gateway.region.raw("route.new.json", "[]");
  await gateway.gateway.reload();
  expect((await problems()).join()).toContain("route.new.json");
  await gateway.region.document({ kind: "Route", name: "f", function: "f", method: "GET", path: "/f" });
  await gateway.region.remove("Route", "new");
  await gateway.gateway.reload();
  expect(await problems()).toEqual([]);
  expect(gateway.logs.some(({ level, source }) => level === "error" && source === "gateway")).toBe(true);
});

test("a document with fields that the gateway does not know is served without them, and each is told once", async () => {
  const gateway = await gateways.start({ functions: { f: say("f") }, routes: { f: {} } });
  const route = { kind: "Route", name: "f", function: "f", method: "GET" } as const;
  for (const path of ["/moved", "/moved-on"]) {
    await gateway.region.document({ ...route, path, example: { path, colour: "red" }, cache: 3 });
    await gateway.gateway.reload();
    expect((await gateway.call(path)).text).toBe("f");
  }
  expect((await gateway.gateway.status()).problems).toEqual([]);
  const told = gateway.logs.filter(({ message }) => message.includes("is not known to this gateway"));
  expect(told.map(({ level, message }) => `${level}: ${message.split(" is ", 1)[0]}`).sort()).toEqual([
    'warn: route.f.json: "cache" of a Route',
    'warn: route.f.json: "example.colour" of a Route',
  ]);
});

test("a removed function answers no more, and what ran on it is finished", async () => {
  const gateway = await gateways.start({
    functions: {
      f: "module.exports = async (req, res) => { await new Promise((r) => setTimeout(r, 500)); res.send('done'); };",
      g: say("g"),
    },
    routes: { f: {}, g: { function: "g" } },
  });
  const running = gateway.call("/f");
  await waitUntil("it runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  await gateway.region.remove("Route", "f");
  await gateway.region.remove("Function", "f");
  await gateway.gateway.reload();
  expect((await gateway.call("/f")).status).toBe(404);
  expect(await running).toMatchObject({ status: 200, text: "done" });
  expect((await gateway.call("/g")).text).toBe("g");
});

test.each([
  [{ functions: {} }, "there are no functions"],
  [{ functions: { f: say("fine") } }, "there are no endpoints, queues or crons"],
])("a region that can do nothing is a warning: %j", async (declaration, warning) => {
  const gateway = await gateways.start(declaration);
  const warnings = gateway.logs.filter(({ level, source }) => level === "warn" && source === "gateway");
  expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining(warning)]);
});
