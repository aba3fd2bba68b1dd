const shared = require("../../jest.config.cjs");

/** The suites on a real cluster, one after the other: they share its two regions, and its processors. */
/** @type {import("jest").Config} */
module.exports = {
  ...shared,
  rootDir: "../..",
  roots: ["<rootDir>/test/cluster"],
  testPathIgnorePatterns: ["/node_modules/"],
  globalSetup: "<rootDir>/test/cluster/support/globalSetup.ts",
  globalTeardown: "<rootDir>/test/cluster/support/globalTeardown.ts",
  setupFiles: [...shared.setupFiles, "<rootDir>/test/cluster/support/environment.ts"],
  testTimeout: 5 * 60_000,
  maxWorkers: 1,
};
