// Usage: node publish.cjs <folder> <body size>. Publishes from 64 publishers at once until it is killed or the disk is
// full; prints "accepted <id> <number>" for each message after it was accepted, "rejected <error>" at the first failure.
const { writeSync } = require("node:fs");
const { openEmbeddedStore } = require("../../../../dist/gateway/queues/embeddedStore.js");

const [folder, size] = [process.argv[2], Number(process.argv[3])];
let number = 0;
let failed = false;

async function publisher(store) {
  while (!failed) {
    const mine = ++number;
    const body = Buffer.alloc(size, String(mine) + ";");
    try {
      const { id } = await store.publish("orders", { body, contentType: "text/plain" });
      writeSync(1, `accepted ${id} ${mine}\n`);
    } catch (error) {
      if (!failed) writeSync(1, `rejected ${error.name}: ${error.message}\n`);
      failed = true;
    }
  }
}

openEmbeddedStore(folder).then(async (store) => {
  await Promise.all(Array.from({ length: 64 }, () => publisher(store)));
  await store.close();
  writeSync(1, "closed\n");
});
