// Usage: node jetStream.cjs <server's url> <region> <ack wait ms> consume|publish|redrive. Does that as a gateway until it
// is killed: "consume" leases 5 messages, prints "delivery <id> <attempt>" for each and never ends one; "publish" prints
// "accepted <number>" after each message; "redrive" prints "redriven <count>" at the end.
const { writeSync } = require("node:fs");
const { openJetStreamStore } = require("../../../../dist/gateway/queues/jetStreamStore.js");
const { connectNats } = require("../../../../dist/gateway/queues/natsConnection.js");

const [url, region, ackWaitMs, what] = process.argv.slice(2);
const say = (line) => writeSync(1, `${line}\n`);

const does = {
  consume(store) {
    const options = { maxDeliveries: 2, backoffSeconds: 0, maxInFlight: () => 5 };
    store.consume("orders", options, ({ id, attempt }) => {
      say(`delivery ${id} ${attempt}`);
      return new Promise(() => undefined);
    });
  },
  async publish(store) {
    for (let number = 1; ; number++) {
      await store.publish("orders", { body: Buffer.from(String(number)), contentType: "text/plain" });
      say(`accepted ${number}`);
    }
  },
  async redrive(store) {
    say("begins");
    say(`redriven ${(await store.redrive("orders")).count}`);
  },
};

openJetStreamStore({
  connection: connectNats({ url, credentials: {}, name: what }),
  app: "shop",
  environment: "test",
  region,
  replicas: 1,
  ackWaitMs: Number(ackWaitMs),
}).then(does[what]);
