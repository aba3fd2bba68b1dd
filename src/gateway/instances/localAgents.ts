import { type Duplex } from "node:stream";

import { ThreadBodyWork } from "../../runtime/agent/threadBodyWork";
import { type ProcessGroups } from "../../runtime/agent/processGroup";
import { type InstanceStart } from "../../runtime/instanceConfig";
import { AgentInstance } from "./agentInstance";
import { type RunningInstance } from "./runningInstance";

export interface LocalAgentsOptions {
  /** Opens a link to the gateway. */
  connect: () => Duplex;
  groups: ProcessGroups;
}

/** The agents of all custom runtimes of a gateway, and what they share. */
export class LocalAgents {
  private readonly bodies = new ThreadBodyWork();

  constructor(private readonly options: LocalAgentsOptions) {}

  /**
   * @param environment - What the bootstrap inherits.
   * @throws Error when what the function is started with cannot be read.
   */
  start(
    start: InstanceStart,
    environment: Record<string, string>,
    onExit: (description: string) => void,
  ): RunningInstance {
    const { bodies } = this;
    const { groups } = this.options;
    return new AgentInstance(start, { environment, bodies, groups, connect: () => this.options.connect() }, onExit);
  }

  /** All instances have ended. */
  close(): Promise<void> {
    return this.bodies.close();
  }
}
