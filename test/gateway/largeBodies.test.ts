import { custom, nodeLoop } from "../support/customRuntimes";
import { testGateways } from "../support/testGateway";

const gateways = testGateways();

/** JSON that takes long to parse for its size: some 5 MB. */
const LARGE = JSON.stringify(Array.from({ length: 200_000 }, (_, i) => ({ a: i, b: [String(i)] })));
const LARGE_SOURCE = "Array.from({ length: 200_000 }, (_, i) => ({ a: i, b: [String(i)] }))";

function serve(handle: string, prelude = "") {
  return gateways.start({
    functions: { f: custom(nodeLoop(handle, { prelude })) },
    routes: { f: { method: "POST" } },
  });
}

/** The longest time for which the event loop of this process, which the gateway is in, did not turn. */
async function longestPause(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(turn, 1);
  await work();
  turn();
  clearInterval(timer);
  return longest;
}

function parseMs(): number {
  const started = performance.now();
  JSON.parse(LARGE);
  return performance.now() - started;
}

describe("a custom runtime's large bodies", () => {
  test("come and go unchanged", async () => {
    const gateway = await serve("({ body }) => ({ statusCode: 201, body: JSON.stringify(body) })");
    const answer = await gateway.call("/f", { body: LARGE, headers: { "content-type": "application/json" } });
    expect(answer.status).toBe(201);
    expect(answer.text === LARGE).toBe(true);
  });

  test("that are not what they claim to be are refused", async () => {
    const gateway = await serve("() => 'never'");
    const answer = await gateway.call("/f", { body: LARGE.slice(1), headers: { "content-type": "application/json" } });
    expect(answer).toMatchObject({ status: 400, json: { errorType: "InvalidBody" } });
  });

  test("are an error where they cannot be sent", async () => {
    const gateway = await serve("() => ({ statusCode: 200, headers: { 'bad name': 'x' }, body: 'x'.repeat(1e6) })");
    const answer = await gateway.call("/f", { method: "POST" });
    expect(answer).toMatchObject({ status: 502, json: { errorType: "InvalidResponse" } });
  });

  test("do not hold up the gateway, which has others to serve", async () => {
    const gateway = await serve("() => LARGE", `const LARGE = JSON.stringify(${LARGE_SOURCE});`);
    await gateway.call("/f", { method: "POST" });
    // on a machine that is busy with other things any single pause says little, the smallest of some says it all
    const pauses: number[] = [];
    const parses: number[] = [];
    for (let i = 0; i < 5; i++) {
      pauses.push(await longestPause(() => gateway.call("/f", { method: "POST" })));
      parses.push(parseMs());
    }
    expect(Math.min(...pauses)).toBeLessThan(Math.min(...parses) / 2);
  });
});
