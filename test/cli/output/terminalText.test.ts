import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { LogPrinter } from "../../../src/cli/output/logLines";
import { terminalText } from "../../../src/cli/output/terminalText";
import { REPOSITORY, writeFiles } from "../../support/project";
import { testGateways } from "../../support/testGateway";

const gateways = testGateways();
const CLIPBOARD = "\u001b]52;c;cm0gLXJm\u0007";
const SHOWN = "\\u001b]52;c;cm0gLXJm\\u0007";

test.each([
  ["the clipboard", CLIPBOARD, SHOWN],
  ["a title, by a C1 control", "\u009d0;mine\u009c", "\\u009d0;mine\\u009c"],
  ["lines that are there", "\u001b[2J\u001b[1A\r\b\u007fx", "\\u001b[2J\\u001b[1A\\u000d\\u0008\\u007fx"],
  ["nothing: line breaks and tabs", "a\tb\nc\r\nd", "a\tb\nc\r\nd"],
  ["nothing: text of all languages", "çağ 😀 …", "çağ 😀 …"],
  ["nothing: colours, which end with their line", "\u001b[1;38:5:1mred\nplain", "\u001b[1;38:5:1mred\u001b[0m\nplain"],
])("what would change %s", (_what, written, shown) => {
  expect(terminalText(written, true)).toBe(shown);
  expect(terminalText(written, false)).toBe(written);
});

test("logs on a terminal have nothing of a function or a caller that steers it", () => {
  const lines: string[] = [];
  const printer = new LogPrinter((line) => lines.push(line), true);
  const record = { time: 0, level: "error", function: "f", requestId: "00000001", message: CLIPBOARD } as const;
  printer.add({ ...record, source: "console", message: `Error: ${CLIPBOARD}` });
  const invocation = {
    trigger: { type: "queue", name: "q" } as const,
    subject: CLIPBOARD,
    status: 500,
    durationMs: 1,
    heldMs: 0,
    coldStart: false,
    response: CLIPBOARD,
  };
  printer.add({ ...record, source: "invocation", invocation });
  printer.add({ ...record, source: "gateway" });
  expect(lines.map((line) => line.replace(/^\d\S+ /, ""))).toEqual([
    `f queue ${SHOWN} 500 1.0 ms`,
    `  00000001 Error: ${SHOWN}`,
    `  00000001 → ${SHOWN}`,
    `f ${SHOWN}`,
  ]);
});

const hasTerminals = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;
(hasTerminals ? test : test.skip)("commands that print what functions wrote know a terminal", async () => {
  const code = `module.exports = (req, res) => { console.log(req.body); res.send(req.body); };`;
  const gateway = await gateways.start({ functions: { f: code } });
  const cwd = gateway.region.projectFolder;
  await writeFiles(cwd, { "Pulumi.yaml": "name: shop\nruntime: nodejs\n", "index.js": "" });
  const cli = `${process.execPath} ${join(REPOSITORY, "dist/cli/main.js")}`;
  const onTerminal = async (command: string): Promise<string> => {
    const child = spawn("script", ["-qec", `${cli} ${command}`, "/dev/null"], { cwd });
    child.stdin.end();
    const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
    return output;
  };
  await writeFiles(cwd, { "parts.json": JSON.stringify({ body: CLIPBOARD }) });
  expect((await onTerminal("invoke f --stack test --file parts.json")).split(SHOWN)).toHaveLength(3);
  const logged = await onTerminal("logs --stack test");
  expect(logged).toContain(SHOWN);
  expect(logged).not.toContain(CLIPBOARD);
});
