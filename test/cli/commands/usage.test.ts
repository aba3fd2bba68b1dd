import { runCli } from "../../support/cliProcess";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();

test.each<[string[], RegExp]>([
  [["logs", "--since", "10"], /--since: "10" is neither a duration such as "10m" nor a time/],
  [["logs", "--since", "yesterday"], /--since: "yesterday" is neither/],
  [["invoke", "x", "--data", "{}", "--file", "x"], /Give either --data or --file/],
  [["invoke", "x", "--data", "{"], /--data is not JSON: /],
  [
    ["invoke", "x", "--data", '{"id":{}}'],
    /--data: "id" is no part of a request; there are: ids, query, .*, method, path\./,
  ],
  [["send", "x"], /Give either a message or --file/],
  [["queue", "list", "--bodies"], /--bodies is about the dead letters of a queue/],
  [["logs", "--app", "x"], /--app is about regions in clusters/],
  [["nothing"], /unknown command 'nothing'/],
])("%j is a wrong command line", async (args, message) => {
  const { exitCode, output } = await runCli(args, { cwd: folder() });
  expect([exitCode, output]).toEqual([2, expect.stringMatching(message)]);
});
