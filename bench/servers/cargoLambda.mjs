import { spawn } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// Arguments: cargo-lambda's binary, the bootstrap. Both run below this process, so that they are charged together.
const [binary, bootstrap] = process.argv.slice(2);
const { PORT: port } = process.env;
const flags = ["--only-lambda-apis", "--invoke-address=127.0.0.1", `--invoke-port=${port}`];
const children = [spawn(binary, ["lambda", "watch", ...flags], { stdio: "inherit" })];

process.once("SIGTERM", () => {
  for (const child of children) child.kill();
  process.exit();
});

while (!(await isListening())) await sleep(50);
const environment = { ...process.env, AWS_LAMBDA_RUNTIME_API: `http://127.0.0.1:${port}/.rt` };
children.push(spawn(bootstrap, [], { stdio: "inherit", env: environment }));

function isListening() {
  return new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
