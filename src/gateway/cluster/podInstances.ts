import { type InvocationError } from "../../link/messages";
import { type InstanceSupply, type SupplyEvents } from "../instances/instanceSupply";

/**
 * Instances that are pods: their Deployment starts and ends them, and they link by themselves. What is done here is to
 * say when there is work and no instance.
 */
export class PodInstances implements InstanceSupply {
  readonly startingCount = 0;
  failure: string | undefined;

  constructor(
    private readonly events: SupplyEvents,
    /** Something waits, and no instance is linked. */
    private readonly onNeeded: () => void,
  ) {}

  /** Its token has shown that it belongs to the function; pods of an earlier version are welcome until they end. */
  isAwaited(): boolean {
    return true;
  }

  isCurrent(): boolean {
    return true;
  }

  scale(): void {
    if (this.events.liveInstances().length === 0 && this.events.demand() > 0) this.onNeeded();
  }

  update(): void {
    // the Deployment and its autoscaler are told by who declares the function
  }

  /** The Deployment rolls new pods. */
  replace(): void {
    this.failure = undefined;
  }

  ready(): void {
    // what waits is given to it by its credits
  }

  healthy(): void {
    this.failure = undefined;
  }

  worked(): void {
    // pods that do not last are started again by their node, with pauses that grow
  }

  initFailed(_instance: string, { errorType, errorMessage }: InvocationError): void {
    this.failure = `${errorType}: ${errorMessage}`;
  }

  leaving(): void {
    // the pod ends by itself
  }

  /** The pod ends when it has lost its links while it was told to leave; one that hangs is ended by its liveness probe. */
  kill(instance: string): void {
    this.events.unlink(instance);
  }

  unlinked(): void {
    this.scale();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
