// Serves a region until SIGTERM; prints its URL. Argument: GatewayOptions as JSON.
const { startGateway } = require("../../../dist/gateway/gateway.js");

startGateway(JSON.parse(process.argv[2])).then(
  (gateway) => {
    process.on("SIGTERM", () => gateway.stop().then(() => process.exit(0)));
    console.log(gateway.url);
  },
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
