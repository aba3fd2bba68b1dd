import { join } from "node:path";

import { type LogRecord } from "../../../src/gateway/gatewayOptions";
import { BufferedCaller } from "../../../src/gateway/invocations/bufferedCaller";
import { Invocation, NO_BODY } from "../../../src/gateway/invocations/invocation";
import { LogBook } from "../../../src/gateway/logs/logBook";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
let book: LogBook;
let reading: AbortController;

beforeEach(() => {
  book = new LogBook(join(folder(), "log.jsonl"), undefined);
  reading = new AbortController();
});

afterEach(async () => {
  reading.abort();
  await book.close();
});

const follow = (wanted: (record: LogRecord) => boolean = () => true) => book.records(wanted, true, reading.signal);

function say(message: string, functionName = "orders"): void {
  book.add({ time: 1, level: "info", message, source: "console", function: functionName });
}

async function take(records: AsyncGenerator<LogRecord>, count: number): Promise<string[]> {
  const messages: string[] = [];
  while (messages.length < count) messages.push(((await records.next()).value as LogRecord).message);
  return messages;
}

test("a follower gets what was logged before and what comes, of the function that it asked for", async () => {
  say("first");
  const records = follow((record) => record.function === "orders");
  expect(await take(records, 1)).toEqual(["first"]);
  say("of another", "users");
  say("second");
  expect(await take(records, 1)).toEqual(["second"]);
  const next = records.next();
  reading.abort();
  expect(await next).toMatchObject({ done: true });
});

test("who wants some ends of invocations only gets no more while somebody follows", async () => {
  const heard: LogRecord[] = [];
  await book.close();
  book = new LogBook(
    join(folder(), "heard.jsonl"),
    (record) => heard.push(record),
    ({ status }) => status >= 500,
  );
  const end = (status: number) => {
    const head = {
      requestId: String(status),
      trigger: { type: "endpoint" as const, name: "f" },
      startedAt: 0,
      attempt: 1,
    };
    const invocation = new Invocation(head, `GET /${status}`, new BufferedCaller(1), NO_BODY);
    invocation.status = status;
    book.addInvocation(invocation, "f", "f-1");
  };
  say("first");
  const records = follow();
  expect(await take(records, 1)).toEqual(["first"]);
  for (const status of [200, 500, 404]) end(status);
  const followed = [await records.next(), await records.next(), await records.next()];
  expect(followed.map(({ value }) => (value as LogRecord).requestId)).toEqual(["200", "500", "404"]);
  expect(heard.map(({ message, requestId }) => requestId ?? message)).toEqual(["first", "500"]);
});

test("what is logged while the file is read comes once, and what is said twice comes twice", async () => {
  say("before");
  say("twice");
  const records = follow();
  const first = records.next();
  // follows already, and has not read yet: the file gets these before it is read
  say("twice");
  say("during");
  expect((await first).value).toMatchObject({ message: "before" });
  say("after");
  expect((await take(records, 4)).sort()).toEqual(["after", "during", "twice", "twice"]);
  say("last");
  expect(await take(records, 1)).toEqual(["last"]);
});

test("a follower that stops reading costs little memory, and learns how much it has missed", async () => {
  const records = follow();
  say("first");
  await take(records, 1);
  const text = "x".repeat(100_000);
  for (let n = 0; n < 1_000; n++) say(text);
  const got: LogRecord[] = [];
  for (let record = (await records.next()).value as LogRecord; ; record = (await records.next()).value as LogRecord) {
    got.push(record);
    if (record.source === "gateway") break;
  }
  // 4 MiB of them
  const texts = got.length - 1;
  expect(texts).toBeGreaterThan(30);
  expect(texts).toBeLessThan(50);
  expect(got.at(-1)).toMatchObject({
    level: "warn",
    message: expect.stringContaining(`${1_000 - texts} records`) as string,
  });
  say("goes on");
  expect(await take(records, 1)).toEqual(["goes on"]);
});
