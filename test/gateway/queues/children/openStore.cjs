// Usage: node openStore.cjs <folder>. Opens the store, says so, and keeps it open.
const { openEmbeddedStore } = require("../../../../dist/gateway/queues/embeddedStore.js");

openEmbeddedStore(process.argv[2]).then(
  () => {
    console.log("opened");
    setInterval(() => undefined, 1_000);
  },
  (error) => {
    console.log(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  },
);
