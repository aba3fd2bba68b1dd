import { type ConformanceRegion } from "./conformanceRegion";
import { type Ability, CheckFailure, parse, requireEcho, requireValid, shorten } from "./protocol";

export interface CheckContext {
  region: ConformanceRegion;
  can: (ability: Ability) => boolean;
  /** Number of requests of the check that sends many, one after the other. */
  requests: number;
  /** Time without requests of the check that waits. */
  idleSeconds: number;
}

export interface Check {
  name: string;
  /** Abilities without which a package cannot take part. */
  needs: readonly Ability[];
  /** @returns what else there is to say. @throws CheckFailure */
  run(context: CheckContext): Promise<string>;
}

const LARGE_BYTES = 5_000_000;
const AT_ONCE = 20;
const PARALLEL = 4;
const SLEEP_MS = 1_000;

const HARD_TEXT = 'Grüße, 世界 🚀 \u0000\t\n"\\</script>\u2028';

export const CHECKS: readonly Check[] = [
  {
    name: "answer",
    needs: [],
    async run({ region }) {
      const answer = await region.call("single", Buffer.alloc(0));
      requireValid(answer);
      return `${answer.status}, ${answer.contentType}, ${shorten(JSON.stringify(answer.body.toString("utf8")))}`;
    },
  },
  {
    name: "echo",
    needs: ["echo"],
    async run({ region }) {
      for (const payload of [HARD_TEXT, { a: [1.5, -0.001, true, null, {}], "": HARD_TEXT }, [], "", 0, null])
        await requireEcho(region, payload);
      return "";
    },
  },
  {
    name: "binary",
    needs: ["binary"],
    async run({ region }) {
      const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => (index * 7) % 256));
      const answer = await region.call("single", { conformance: "binary", base64: bytes.toString("base64") });
      requireValid(answer);
      if (!answer.body.equals(bytes))
        throw new CheckFailure(`${bytes.length} bytes came back as ${answer.body.length} others`);
      if (!answer.contentType.startsWith("application/octet-stream"))
        throw new CheckFailure(`the type is ${answer.contentType} and not application/octet-stream`);
      return "";
    },
  },
  {
    name: "5 MB event",
    needs: [],
    async run({ region }) {
      requireValid(await region.call("single", { filler: "x".repeat(LARGE_BYTES) }));
      return "";
    },
  },
  {
    name: "5 MB echo",
    needs: ["echo"],
    async run({ region }) {
      await requireEcho(region, "0123456789".repeat(LARGE_BYTES / 10));
      return "";
    },
  },
  {
    name: "sequential",
    needs: [],
    async run({ region, requests, can }) {
      const start = performance.now();
      for (let n = 0; n < requests; n++)
        if (can("echo")) await requireEcho(region, n);
        else requireValid(await region.call("single", { n }));
      return `${requests} requests, ${Math.round((requests / (performance.now() - start)) * 1000)} a second`;
    },
  },
  {
    name: "at once",
    needs: [],
    async run({ region, can }) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, n) => {
          if (can("echo")) await requireEcho(region, n);
          else requireValid(await region.call("single", { n }));
        }),
      );
      return `${AT_ONCE} requests, one at a time`;
    },
  },
  {
    name: "parallel polls",
    needs: ["parallel", "sleep"],
    async run({ region }) {
      requireValid(await region.call("parallel", {}));
      const start = performance.now();
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, () => region.call("parallel", { conformance: "sleep", ms: SLEEP_MS })),
      );
      answers.forEach(requireValid);
      const elapsed = Math.round(performance.now() - start);
      if (elapsed > SLEEP_MS * (PARALLEL - 1))
        throw new CheckFailure(
          `${PARALLEL} events of ${SLEEP_MS} ms each took ${elapsed} ms: they did not run in parallel`,
        );
      return `${PARALLEL} events of ${SLEEP_MS} ms each took ${elapsed} ms`;
    },
  },
  {
    name: "error",
    needs: ["fail"],
    async run({ region }) {
      const asked = { errorType: "ConformanceError", errorMessage: HARD_TEXT };
      const answer = await region.call("single", { conformance: "fail", ...asked });
      const { errorType, errorMessage } = (parse(answer.body) ?? {}) as typeof asked;
      if (answer.status !== 500) throw new CheckFailure(`status ${answer.status} and not 500`);
      if (errorType !== asked.errorType || errorMessage !== asked.errorMessage)
        throw new CheckFailure(`the caller got ${shorten(answer.body.toString("utf8"))}`);
      requireValid(await region.call("single", {}));
      return "";
    },
  },
  {
    name: "late answer",
    needs: ["sleep"],
    async run({ region }) {
      const answer = await region.call("short", { conformance: "sleep", ms: 4 * SLEEP_MS });
      if (answer.status !== 504) throw new CheckFailure(`status ${answer.status} and not 504`);
      requireValid(await region.call("short", {}));
      return "504, and the next request is answered";
    },
  },
  {
    name: "double answer",
    needs: ["twice"],
    async run({ region, can }) {
      const answer = await region.call("single", { conformance: "twice" });
      requireValid(answer);
      const text = answer.body.toString("utf8");
      if (text !== "first") throw new CheckFailure(`the caller got ${shorten(JSON.stringify(text))} and not "first"`);
      for (let n = 0; n < 3; n++)
        if (can("echo")) await requireEcho(region, n);
        else requireValid(await region.call("single", {}));
      return "";
    },
  },
  {
    name: "idle",
    needs: [],
    async run({ region, idleSeconds }) {
      requireValid(await region.call("single", {}));
      const logged = region.logs.length;
      await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
      requireValid(await region.call("single", {}));
      const [before, after] = region.instancesOf("single").slice(-2);
      const exit = region.logs
        .slice(logged)
        .find(
          (record) => record.function === "single" && record.level !== "info" && /^the bootstrap /.test(record.message),
        );
      if (exit !== undefined) throw new CheckFailure(exit.message);
      if (before !== after) throw new CheckFailure("the instance was replaced meanwhile");
      return `${idleSeconds} s`;
    },
  },
  {
    name: "drain",
    needs: [],
    async run({ region, can }) {
      requireValid(await region.call("single", {}));
      const body = can("sleep") ? { conformance: "sleep", ms: SLEEP_MS } : {};
      const running = Array.from({ length: 3 }, () => region.call("single", body));
      await new Promise((resolve) => setTimeout(resolve, SLEEP_MS / 5));
      await region.deployAgain("single");
      running.push(region.call("single", {}));
      (await Promise.all(running)).forEach(requireValid);
      return "a new version was deployed between requests";
    },
  },
  {
    name: "end",
    needs: [],
    async run({ region }) {
      const start = performance.now();
      await region.stop();
      const killed = region.logs.find(({ message }) => /is ended by SIGKILL/.test(message));
      if (killed !== undefined) throw new CheckFailure(killed.message);
      return `${Math.round(performance.now() - start)} ms after SIGTERM`;
    },
  },
];
