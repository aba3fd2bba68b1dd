import { AdminClient } from "../../../src/cli/admin/adminClient";
import { LogTail } from "../../../src/cli/logs/logTail";
import { type LogRecord } from "../../../src/gateway/gateway";
import { type TestGateway, testGateways } from "../../support/testGateway";
import { waitUntil } from "../../support/waitUntil";

const gateways = testGateways();

/** Says its body's word twice. */
const TWICE = "module.exports = (req, res) => { console.log(req.body); console.log(req.body); res.send(''); };";
const start = () => gateways.start({ functions: { f: TWICE, g: TWICE }, routes: { f: {} } });

async function clientOf(gateway: TestGateway): Promise<AdminClient> {
  return new AdminClient("production/eu", await gateway.address());
}

async function say(gateway: TestGateway, word: string, name = "f"): Promise<void> {
  await gateway.admin(`/functions/${name}/invoke`, { body: { body: word } });
}

function words(records: readonly LogRecord[]): string[] {
  return records.filter(({ source }) => source === "console").map(({ message }) => message);
}

test("each reading goes on where the one before has ended, without gaps and repetitions", async () => {
  const gateway = await start();
  const client = await clientOf(gateway);
  const tail = new LogTail({ since: 0 });
  await say(gateway, "one");
  expect(words(await tail.readAll(client))).toEqual(["one", "one"]);
  expect(words(await tail.readAll(client))).toEqual([]);
  await say(gateway, "one");
  await say(gateway, "two");
  expect(words(await tail.readAll(client))).toEqual(["one", "one", "two", "two"]);
});

test("following goes on after what was read, and what comes is there at once", async () => {
  const gateway = await start();
  const client = await clientOf(gateway);
  const tail = new LogTail({ since: 0 });
  await say(gateway, "before");
  await tail.readAll(client);
  await say(gateway, "between");
  const followed: LogRecord[] = [];
  const following = (async () => {
    for await (const record of tail.read(client, true)) followed.push(record);
  })();
  await waitUntil("what was said between is followed", () => words(followed).length === 2);
  await say(gateway, "after");
  await waitUntil("what is said after is followed", () => words(followed).length === 4);
  expect(words(followed)).toEqual(["between", "between", "after", "after"]);
  const ended = expect(following).rejects.toThrow(/^The gateway of region production\/eu ended: /);
  await gateway.gateway.stop();
  await ended;
});

test("only the records that were asked for are read", async () => {
  const gateway = await start();
  const client = await clientOf(gateway);
  await say(gateway, "early", "g");
  await say(gateway, "other");
  const since = Date.now();
  await waitUntil("time goes on", () => Date.now() > since);
  await say(gateway, "late", "g");
  expect(words(await new LogTail({ since: 0, function: "g" }).readAll(client))).toEqual([
    "early",
    "early",
    "late",
    "late",
  ]);
  expect(words(await new LogTail({ since: since + 1, function: "g" }).readAll(client))).toEqual(["late", "late"]);
});

test("recent records are enough to tell repetitions apart, however many there are", async () => {
  const gateway = await start();
  const client = await clientOf(gateway);
  const tail = new LogTail({ since: 0 });
  for (let batch = 0; batch < 30; batch++)
    await Promise.all(Array.from({ length: 50 }, (_, index) => say(gateway, `${batch}-${index}`)));
  const all = words(await tail.readAll(client));
  expect(all).toHaveLength(3_000);
  await say(gateway, "last");
  expect(words(await tail.readAll(client))).toEqual(["last", "last"]);
});
