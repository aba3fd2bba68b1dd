import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { clientOf, parseUserAgent } from "../../../src/gateway/endpoints/client";

const LONG = 16_000;

test("what comes after 512 characters of a User-Agent is passed on, and not looked at", () => {
  const device = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)";
  expect(clientOf("192.0.2.1", device)).toMatchObject({ ip: "192.0.2.1", deviceType: "tablet" });
  const padded = (spaces: number) => " ".repeat(spaces) + device;
  expect(clientOf("", padded(512 - device.length)).deviceType).toBe("tablet");
  expect(clientOf("", padded(512))).toEqual({ ip: "", deviceType: "unknown", userAgent: padded(512) });
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
    clientOf("", userAgent);
    parseUserAgent(userAgent);
  }
  expect(heap() - before).toBeLessThan((1_900 * LONG) / 3);
});

test.each([
  [
    "desktop",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
  ],
  ["desktop", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"],
  ["desktop", "MyApp/1.0 CFNetwork/902.1 Darwin/17.7.0 (x86_64)"],
  ["mobile", "MyApp/1.0 CFNetwork/1410.0.3 Darwin/22.6.0"],
  ["mobile", "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0"],
  [
    "mobile",
    "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) Chrome/52.0 Mobile Safari/537.36 Edge/15.1",
  ],
  [
    "mobile",
    "Mozilla/5.0 (Linux; Android 10; CUBOT X20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
  ],
  [
    "mobile",
    "Mozilla/5.0 (Linux; Android 13; SM-G991N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0 Mobile Safari/537.36 DaumApps/8.5.0",
  ],
  ["tablet", "Mozilla/5.0 (Android 14; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0"],
  [
    "tablet",
    "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.1.1 like Chrome/120.0 Safari/537.36",
  ],
  [
    "bot",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) Chrome/126.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  ],
  ["bot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"],
  ["bot", "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"],
  ["bot", "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)"],
  ["bot", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"],
  ["bot", "WhatsApp/2.23.20.0"],
  [
    "unknown",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/6.0 TV Safari/538.1",
  ],
  ["unknown", "Mozilla/5.0 (PlayStation 5 3.11) AppleWebKit/605.1.15 (KHTML, like Gecko)"],
  ["unknown", "PostmanRuntime/7.36.0"],
  ["unknown", "Go-http-client/1.1"],
  ["unknown", "node"],
  ["unknown", ""],
])("client.deviceType: %s for %s", (expected, userAgent) => {
  expect(clientOf("", userAgent).deviceType).toBe(expected);
});

test.each<[string, (i: number) => string]>([
  [
    "a browser",
    (i) => `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${i}.0`,
  ],
  [
    "an unheard-of phone",
    (i) => `Mozilla/5.0 (Linux; Android ${i}; ${"A".repeat(300)} Build/X) AppleWebKit/537.36 Foo/${i}`,
  ],
  ["words cut short", (i) => `${i}${" Windows Phon CFNetwor Androi previe".repeat(14)}`],
  ["what no word begins with", (i) => `${i}${" ;".repeat(250)}`],
  ["one letter", (i) => `${i}${"s".repeat(500)}`],
])("User-Agents that a stranger makes up take little time: %s", (_what, userAgent) => {
  const started = performance.now();
  for (let i = 0; i < 2_000; i++) clientOf("", userAgent(i));
  expect((performance.now() - started) / 2_000).toBeLessThan(0.25);
});
