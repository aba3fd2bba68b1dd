import { type FunctionDocument } from "../../spec";

/** Load of one function on one gateway. */
export interface FunctionLoad {
  /** Endpoint and tester invocations that wait for an instance. Messages are counted by the store. */
  held: number;
  /** Endpoint and tester invocations that an instance has. Messages are counted by the store. */
  running: number;
  /** Something is held, and no live instance could take it even when it is done with what it has. */
  withoutCapacity: boolean;
  /**
   * Milliseconds since an invocation of any kind, a message included, was held or running: 0 while one is, Infinity when
   * none ever was. Looks every few seconds would miss the traffic of quick handlers otherwise.
   */
  idleMs: number;
  /** Ids of the instances that are linked to this gateway. */
  instances: string[];
}

/** A function whose instances are scaled. */
export interface ScaledFunction {
  document: FunctionDocument;
  /** Names of the store's queues whose messages invoke the function, those of its crons included. */
  queues: readonly string[];
}

/** What this gateway knows of its functions, as of now; asked often, so it must be cheap. */
export interface LocalLoads {
  functions(): Map<string, ScaledFunction>;
  load(functionName: string): FunctionLoad | undefined;
}
