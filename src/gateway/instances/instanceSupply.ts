import { type Hello, type InvocationError } from "../../link/messages";
import { type FunctionDocument, type RegionDocument } from "../../spec";
import { type GatewayError } from "../invocations/gatewayError";

/** What a supply of instances is told by the function that they are for, and tells it. */
export interface SupplyEvents {
  /** Invocations that are held or run. */
  demand(): number;
  /** How long the invocation that waits longest has waited. */
  longestWaitMs(): number;
  /** The highest demand since this was asked last. */
  takePeak(): number;
  /** Instances of the current generation that take work. */
  liveInstances(): string[];
  /** Lets the instance finish what runs and go. */
  drain(instance: string): void;
  /** Ends the link to an instance; what ran on it is lost. */
  unlink(instance: string): void;
  /** The code is bundled with these files of other folders, absolute paths. */
  onBundled(elsewhere: readonly string[]): void;
  /** An instance could not be started, and another try has to wait. */
  onStartFailed(error: GatewayError): void;
  onOutput(instance: string, stream: "stdout" | "stderr", line: string): void;
  onNote(level: "info" | "warn" | "error", message: string): void;
}

/** Where the instances of one function come from: processes of this machine, or a cluster's pods. */
export interface InstanceSupply {
  /** Instances that are being started, as far as that is known here. */
  readonly startingCount: number;
  /** Why instances cannot be started, or cannot run their code; undefined once one has shown that it can. */
  readonly failure: string | undefined;
  /** Whether an instance that says hello belongs here. */
  isAwaited(hello: Hello): boolean;
  /** Whether an instance is of the current code. */
  isCurrent(instance: string): boolean;
  /** Compares what is there with what the demand needs. */
  scale(): void;
  /** What instances are started, kept and ended by from now on. */
  update(document: FunctionDocument, region: RegionDocument): void;
  /** New code, settings or parameters: instances that are there have old ones. */
  replace(): void;
  /** An instance has linked and given its first credits. */
  ready(instance: string): void;
  /** An instance has shown that its code loads. */
  healthy(): void;
  /** An invocation has ended on the instance. */
  worked(instance: string): void;
  initFailed(instance: string, error: InvocationError): void;
  /**
   * The instance takes nothing more.
   *
   * @param dismissed - It was told to, and did not say so itself.
   */
  leaving(instance: string, dismissed: boolean): void;
  /** Ends an instance that hangs. */
  kill(instance: string): void;
  /** The link has ended. */
  unlinked(instance: string): void;
  /** Resolves when the instances have ended, or need this gateway no more. */
  stop(): Promise<void>;
}

/** Makes the supply of one function. */
export type SupplyInstances = (
  document: FunctionDocument,
  region: RegionDocument,
  events: SupplyEvents,
) => InstanceSupply;
