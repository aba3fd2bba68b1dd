import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { clientOf, parseUserAgent } from "../../../src/gateway/endpoints/client";

const LONG = 16_000;

test("what comes after 512 characters of a User-Agent is passed on, and not looked at", () => {
  const device = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)";
  expect(clientOf("::ffff:192.0.2.1", device)).toMatchObject({ ip: "192.0.2.1", deviceType: "tablet" });
  const padded = (spaces: number) => " ".repeat(spaces) + device;
  expect(clientOf(undefined, padded(512 - device.length)).deviceType).toBe("tablet");
  expect(clientOf(undefined, padded(512))).toEqual({ ip: "", deviceType: "unknown", userAgent: padded(512) });
  expect(parseUserAgent(padded(512)).family).toBe("Other");
});

test("User-Agents that a stranger makes up take little memory", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  for (let i = 0; i < 1_900; i++) {
    const userAgent = Buffer.alloc(LONG, `${i} `).toString("latin1");
    clientOf(undefined, userAgent);
    parseUserAgent(userAgent);
  }
  expect(heap() - before).toBeLessThan((1_900 * LONG) / 3);
});
