import { takeInstanceStart } from "../instanceConfig";
import { Agent } from "./agent";
import { DirectBodyWork } from "./bodyWork";

const agent = new Agent(takeInstanceStart(process.env), {
  environment: process.env,
  bodies: new DirectBodyWork(),
  onEnd: (exitCode, problem) => {
    if (problem !== undefined) console.error(problem);
    process.exit(exitCode);
  },
});
process.on("SIGTERM", () => agent.leave(0));
agent.begin();
