// Usage: node consume.cjs <folder> <concurrency>. Leases messages, prints "delivery <id> <attempt>" for each, and never
// ends a delivery.
const { writeSync } = require("node:fs");
const { openEmbeddedStore } = require("../../../../dist/gateway/queues/embeddedStore.js");

openEmbeddedStore(process.argv[2]).then((store) => {
  const maxInFlight = () => Number(process.argv[3]);
  store.consume("orders", { maxDeliveries: 2, backoffSeconds: 0, maxInFlight }, ({ id, attempt }) => {
    writeSync(1, `delivery ${id} ${attempt}\n`);
    return new Promise(() => undefined);
  });
  setInterval(() => undefined, 1_000);
});
