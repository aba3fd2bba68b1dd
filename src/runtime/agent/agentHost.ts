import { type Duplex } from "node:stream";

import { type BodyWork } from "./bodyWork";
import { type ProcessGroups } from "./processGroup";

/** The process that an agent is in: one of its own, as in a pod, or that of the gateway of a local region. */
export interface AgentHost {
  /** What bootstraps inherit of environment variables. */
  environment: NodeJS.ProcessEnv;
  bodies: BodyWork;
  /** Opens the link, where the gateway is in the same process. */
  link?: () => Duplex;
  groups?: ProcessGroups;
  /**
   * The agent has ended, and so has its bootstrap.
   *
   * @param problem - Why it could not even begin.
   */
  onEnd(exitCode: number, problem: string | undefined): void;
}
