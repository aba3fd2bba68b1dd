import { type Deployment } from "../../gateway/deploymentHistory";
import { type FunctionStatus, type LogRecord } from "../../gateway/gatewayOptions";
import { type AdminClient } from "../admin/adminClient";

/** What commands can do with a region, wherever it is. */
export interface RegionAccess {
  /** `<environment>/<region>`, as people see it. */
  readonly label: string;
  /**
   * A gateway of the region, whichever answers.
   *
   * @returns undefined when nothing serves the region.
   * @throws CliError when a gateway should be there and cannot be reached.
   */
  gateway(): Promise<AdminClient | undefined>;
  /** What was deployed, oldest first. */
  builds(): Promise<Deployment[]>;
  /** What is deployed now. */
  deployments(): Promise<DeployedFunction[]>;
  logs(query: LogQuery): Promise<RegionLogs>;
  /** Lets go of what was opened. */
  close(): void;
}

/** A function of a region, as it is now. */
export interface DeployedFunction {
  function: string;
  version: string;
  /** Milliseconds since the epoch; undefined where that is not known any more. */
  deployedAt?: number;
  /** Absent when nothing serves the region. */
  state?: Pick<FunctionStatus, "instances" | "starting" | "failure">;
}

export interface LogQuery {
  /** @default records of all functions and of the gateway */
  function?: string;
  /** Milliseconds since the epoch. */
  since: number;
}

/** The log of a region, each record once. */
export interface RegionLogs {
  /** Somebody writes it at this moment. */
  readonly live: boolean;
  /** What was logged before, in any order. */
  earlier(): Promise<LogRecord[]>;
  /**
   * What comes after that. Resolves, if ever, when nothing can come any more.
   *
   * @throws CliError when the gateway ends that wrote it.
   */
  follow(onRecord: (record: LogRecord) => void): Promise<void>;
}
