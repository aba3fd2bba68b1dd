/**
 * Loaded before everything else, which an older Node.js may not even be able to read: nothing is imported here, and the
 * syntax is one that they all know.
 */
const MINIMUM = [20, 19];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
  console.error(`error: fullcode needs Node.js ${MINIMUM.join(".")} or newer; this is ${process.versions.node}`);
  process.exit(1);
}

export {};
