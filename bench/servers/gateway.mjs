import gateway from "../../dist/gateway/gateway.js";

// Arguments: the region's folder, the folder that its functions' code is relative to.
const [folder, projectFolder] = process.argv.slice(2);
const running = await gateway.startGateway({ folder, projectFolder });
process.once("SIGTERM", () => void running.stop());
