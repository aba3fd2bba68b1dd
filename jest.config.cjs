// what commands print is compared as plain text, wherever the tests run
process.env.NO_COLOR = "1";

/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/test/cluster/"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022" },
        module: { type: "commonjs", ignoreDynamic: true },
      },
    ],
  },
  moduleNameMapper: {
    // dynamic imports name the compiled file
    "^(\\.{1,2}/.*)\\.js$": ["$1.ts", "$1.js"],
    // programs of the examples
    "^fullcode$": "<rootDir>/src/index.ts",
  },
  setupFiles: ["<rootDir>/test/support/pulumiStacks.ts"],
  testTimeout: 60_000,
  // for two processors: suites wait a good deal
  maxWorkers: 3,
};
