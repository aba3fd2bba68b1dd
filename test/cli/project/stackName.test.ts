import { existsSync } from "node:fs";
import { join } from "node:path";

import { problemWithStack } from "../../../src/cli/project/stackName";
import { runCli } from "../../support/cliProcess";
import { writeProject } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();

test.each(["dev", "pr-12", "eu.live_2", "_x", "A".repeat(100)])("%s is a stack's name", (name) => {
  expect(problemWithStack(name)).toBeUndefined();
});

test.each(["", ".", "..", ".cache", "a b", "a b/../../../../x", "a\\b", "/x", "x/", "a/b/c/d", "é", "A".repeat(101)])(
  "%j is none",
  (name) => {
    expect(problemWithStack(name)).toMatch(/^A stack's name has /);
  },
);

test.each(["org/dev", "org/shop/dev"])("%s is told to go without its organization", (name) => {
  expect(problemWithStack(name)).toBe('Leave out the organization and the project: "dev".');
});

test("a command with a wrong name writes nothing", async () => {
  await writeProject(folder(), { "index.js": "" });
  const command = await runCli(["dev", "--stack", "a b/../../../../x"], { cwd: folder() });
  expect(command.exitCode).toBe(2);
  expect(command.output).toMatch(
    /^error: option '-s, --stack <name>' argument '[^']+' is invalid\. A stack's name has /,
  );
  expect(existsSync(join(folder(), ".fullcode"))).toBe(false);
});
