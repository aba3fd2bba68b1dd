import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";

import { serveAdminApi } from "../../../src/gateway/admin/adminApi";
import { AdminServer } from "../../../src/gateway/admin/adminServer";
import { LogBook } from "../../../src/gateway/logs/logBook";
import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import { type DeadLetter, type MessageStore } from "../../../src/gateway/queues/messageStore";
import { temporaryFolder } from "../../support/temporaryFolder";
import { storeFixture } from "../queues/storeFixture";

const folder = temporaryFolder();
const LETTERS = 30;
const BODY = "x".repeat(1024 * 1024);

const fixture = storeFixture(() => openEmbeddedStore(`${folder()}/messages`));
let admin: AdminServer;
/** Letters that were read from the store. */
let read: number;

/** The store's letters, counted as they are read. */
async function* counted(letters: AsyncIterable<DeadLetter>): AsyncGenerator<DeadLetter> {
  for await (const letter of letters) {
    read++;
    yield letter;
  }
}

beforeEach(() => {
  read = 0;
  admin = new AdminServer();
  const store: Pick<MessageStore, "deadLetters"> = {
    deadLetters: (queue, options) => counted(fixture.store.deadLetters(queue, options)),
  };
  serveAdminApi(admin, {
    region: () => {
      throw new Error("no route of this test needs it");
    },
    status: () => Promise.reject(new Error("no route of this test needs it")),
    find: () => undefined,
    hasQueue: () => true,
    store: store as MessageStore,
    logs: new LogBook(`${folder()}/log.jsonl`, undefined),
    history: () => Promise.resolve([]),
  });
});

afterEach(() => admin.close());

test("as many large letters as there are take the memory of a few", async () => {
  await fixture.bury(...Array.from({ length: LETTERS }, () => BODY));
  const url = `${await admin.listen()}/queues/orders/dead-letters?bodies=whole`;
  const asked = request(url, { headers: { authorization: `Bearer ${admin.token}` } }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  // nothing is read of the answer: what the connection holds of it is all that leaves the store
  for (let before = -1; before !== read; await new Promise((resolve) => setTimeout(resolve, 300))) before = read;
  // sockets of the loopback hold a few MiB on either side
  expect(read).toBeLessThan(20);
  let lines = 0;
  for await (const line of createInterface({ input: response }))
    if ((JSON.parse(line) as { body: string }).body === BODY) lines++;
  expect(lines).toBe(LETTERS);
});
