import { type Duplex } from "node:stream";

import { ThreadBodyWork } from "../../runtime/agent/threadBodyWork";
import { type InstanceStart } from "../../runtime/instanceConfig";
import { AgentInstance } from "./agentInstance";
import { GroupGuard } from "./groupGuard";
import { type RunningInstance } from "./runningInstance";

export interface LocalAgentsOptions {
  /** Opens a link to the gateway. */
  connect: () => Duplex;
  onProblem(message: string): void;
}

/** The agents of all custom runtimes of a gateway, and what they share. */
export class LocalAgents {
  private readonly bodies = new ThreadBodyWork();
  private readonly groups: GroupGuard;

  constructor(private readonly options: LocalAgentsOptions) {
    this.groups = new GroupGuard((message) => options.onProblem(message));
  }

  /** There will be instances with custom runtimes. */
  prepare(): void {
    this.groups.start();
  }

  /**
   * @param environment - What the bootstrap inherits.
   * @throws Error when what the function is started with cannot be read.
   */
  start(
    start: InstanceStart,
    environment: Record<string, string>,
    onExit: (description: string) => void,
  ): RunningInstance {
    const { bodies, groups } = this;
    return new AgentInstance(start, { environment, bodies, groups, connect: () => this.options.connect() }, onExit);
  }

  /** All instances have ended. */
  async close(): Promise<void> {
    this.groups.close();
    await this.bodies.close();
  }
}
