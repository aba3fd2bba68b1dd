import { spawnSync } from "node:child_process";

import { heapArguments } from "../../src/spec";

const PRINT = "console.log(require('node:v8').getHeapStatistics().heap_size_limit / 2 ** 20)";

test.each([64, 96, 256, 288, 384, 1_000, 4_096])(
  "a heap, with its new objects, has its share of %i MiB",
  (memoryMiB) => {
    const { stdout } = spawnSync(process.execPath, [...heapArguments(memoryMiB, 0.75), "-e", PRINT], {
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    expect(Number(stdout)).toBe(Math.floor(memoryMiB * 0.75));
  },
);
