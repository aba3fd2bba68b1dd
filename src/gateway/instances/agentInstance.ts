import { type Duplex } from "node:stream";

import { Agent } from "../../runtime/agent/agent";
import { type AgentHost } from "../../runtime/agent/agentHost";
import { type InstanceStart } from "../../runtime/instanceConfig";
import { type RunningInstance } from "./runningInstance";

/** An instance with a custom runtime: an agent in the gateway's own process, and the bootstrap that it supervises. */
export class AgentInstance implements RunningInstance {
  /** What a bootstrap writes is in the logs already. */
  readonly errorOutput = "";
  private readonly agent: Agent;
  private link: Duplex | undefined;
  private killTimer: NodeJS.Timeout | undefined;
  private killed = false;
  private exited = false;

  /** @throws Error when what the function is started with cannot be read. */
  constructor(
    start: InstanceStart,
    host: Pick<AgentHost, "environment" | "bodies" | "groups"> & { connect: () => Duplex },
    onExit: (description: string) => void,
  ) {
    this.agent = new Agent(start, {
      environment: host.environment,
      bodies: host.bodies,
      groups: host.groups,
      link: () => (this.link = host.connect()),
      onEnd: (_exitCode, problem) => {
        this.exited = true;
        clearTimeout(this.killTimer);
        onExit(problem === undefined ? (this.killed ? "was killed" : "has ended") : `could not start: ${problem}`);
      },
    });
    this.agent.begin();
  }

  end(graceMs: number): void {
    if (this.exited || this.killTimer !== undefined) return;
    this.agent.leave(0);
    this.killTimer = setTimeout(() => this.kill(), graceMs);
    this.killTimer.unref();
  }

  kill(): void {
    this.killed = true;
    // an agent without a gateway ends, and its bootstrap at once
    this.link?.destroy();
  }
}
