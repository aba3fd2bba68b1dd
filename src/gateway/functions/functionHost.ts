import { type FSWatcher, watch } from "chokidar";
import { createHash } from "node:crypto";

import { type Hello, type InvocationError, type LogLine } from "../../link/messages";
import { type FunctionDocument, type RegionDocument } from "../../spec";
import { type FunctionStatus, type LogRecord } from "../gatewayOptions";
import { type InstanceLink } from "../instances/instanceLink";
import { type InstanceSupply, type SupplyInstances } from "../instances/instanceSupply";
import { type BodyBudget } from "../invocations/bodyBudget";
import { Dispatcher, type DispatcherEvents } from "../invocations/dispatcher";
import { type GatewayError } from "../invocations/gatewayError";
import { type Invocation } from "../invocations/invocation";
import { type FunctionLoad } from "../scaling/functionLoad";

/** An editor writes a file in several steps; instances are replaced once it has been quiet for this long. */
const CODE_QUIET_MS = 40;
/** What is in a function's folder and not its code. */
const IGNORED = /[\\/](?:\.git|node_modules|\.fullcode|__pycache__)(?:[\\/]|$)/;

export interface FunctionHostEvents {
  onLog(record: LogRecord): void;
  onEnd(invocation: Invocation, document: FunctionDocument, instance: string | undefined): void;
  /** The function's code cannot be run. */
  onBroken(document: FunctionDocument, reason: string): void;
  /** An instance has room for more. */
  onRoom?(functionName: string): void;
}

export interface FunctionHostOptions {
  supply: SupplyInstances;
  /** Shared by all functions of a gateway. */
  bodies: BodyBudget;
  /**
   * The file or folder whose changes replace the instances.
   * @default nothing is watched
   */
  watched?: (document: FunctionDocument) => string;
}

/** One of the queues that share a function's instances. */
export interface QueueShare {
  /** Messages of the queue that are being delivered, held ones included. */
  delivering: number;
  /** How many queues the function has, those of its crons included. */
  queues: number;
}

/** One function of a running gateway: its document, what waits for it, and its instances. */
export class FunctionHost implements DispatcherEvents {
  private readonly dispatcher: Dispatcher;
  private readonly instances: InstanceSupply;
  private readonly broken = new Set<string>();
  /** Every instance that is linked, those that take nothing more included. */
  private readonly linked = new Map<string, InstanceLink>();
  private watcher: FSWatcher | undefined;
  /** Files of other folders that the code is bundled with. */
  private readonly elsewhere = new Set<string>();
  /** When an invocation ended last, by the monotonic clock. */
  private activeAt = -Infinity;
  private watchTimer: NodeJS.Timeout | undefined;

  constructor(
    private document: FunctionDocument,
    private region: RegionDocument,
    private readonly events: FunctionHostEvents,
    private readonly options: FunctionHostOptions,
  ) {
    this.dispatcher = new Dispatcher(document, this, options.bodies);
    this.instances = options.supply(document, region, {
      demand: () => this.dispatcher.heldCount + this.dispatcher.running,
      longestWaitMs: () => this.dispatcher.longestWaitMs,
      takePeak: () => this.dispatcher.takePeak(),
      liveInstances: () => this.currentLinks().map((link) => link.hello.instance),
      drain: (instance) => this.drain(instance),
      unlink: (instance) => this.linked.get(instance)?.destroy(),
      onBundled: (elsewhere) => this.watchElsewhere(elsewhere),
      onStartFailed: (error) => this.onStartFailed(error),
      onOutput: (instance, stream, line) =>
        this.log(stream === "stdout" ? "info" : "warn", line, "output", this.attributed(instance)),
      onNote: (level, message) => this.log(level, `function "${this.document.name}": ${message}`, "gateway"),
    });
    this.watchCode();
    this.instances.scale();
  }

  get current(): FunctionDocument {
    return this.document;
  }

  /** Why its instances cannot be started, or cannot run their code. */
  get failure(): string | undefined {
    return this.instances.failure;
  }

  get running(): number {
    return this.dispatcher.running;
  }

  get held(): number {
    return this.dispatcher.heldCount;
  }

  /** What weighs on the function here, without messages: those are counted where they are kept. */
  get load(): FunctionLoad {
    const { dispatcher } = this;
    return {
      held: dispatcher.heldCount - dispatcher.heldMessages,
      running: dispatcher.running - dispatcher.runningMessages,
      withoutCapacity: dispatcher.heldCount > 0 && dispatcher.live.length === 0,
      instances: dispatcher.live.map((link) => link.hello.instance),
      idleMs: dispatcher.heldCount + dispatcher.running > 0 ? 0 : performance.now() - this.activeAt,
    };
  }

  /**
   * How many messages of one queue there is room for at this moment: those that are here, and of the places that are free
   * the queue's part, since what other queues have asked for may come as well.
   */
  messageRoom({ delivering, queues }: QueueShare): number {
    const free = this.dispatcher.freeCredits - this.dispatcher.heldCount;
    return delivering + (free <= 0 ? 0 : Math.max(1, Math.floor(free / queues)));
  }

  /**
   * As {@link messageRoom}, where instances are started for what is held: also the places of those that start, and of one
   * more. Messages wait on disk as well as here, so they leave half of the held requests to callers. One of each queue may
   * always wait here, and has its turn among the callers.
   */
  messageRoomToGrow({ delivering, queues }: QueueShare): number {
    const { scale, concurrency, limits } = this.document;
    const { live, heldCount, heldMessages, running } = this.dispatcher;
    const instances = Math.min(live.length + this.instances.startingCount + 1, scale.max);
    const free = Math.min(instances * concurrency - heldCount - running, limits.heldRequests / 2 - heldMessages);
    return Math.max(1, delivering + Math.max(0, Math.floor(free / queues)));
  }

  submit(invocation: Invocation): void {
    this.dispatcher.submit(invocation);
  }

  abandon(invocation: Invocation, reason: string): void {
    this.dispatcher.abandon(invocation, reason);
  }

  refuse(invocation: Invocation, error: GatewayError): void {
    this.dispatcher.refuse(invocation, error);
  }

  /** Takes over a changed document; new code or settings roll new instances. */
  update(document: FunctionDocument, region: RegionDocument, secretsChanged: boolean): void {
    const rolls = secretsChanged || fingerprint(document, region) !== fingerprint(this.document, this.region);
    const { watched } = this.options;
    const moved = watched?.(document) !== watched?.(this.document);
    this.document = document;
    this.region = region;
    this.dispatcher.update(document);
    this.instances.update(document, region);
    if (rolls) this.instances.replace();
    else this.instances.scale();
    if (moved) {
      void this.watcher?.close();
      this.watchCode();
    }
  }

  /** An instance has said hello. */
  isAwaited(hello: Hello): boolean {
    return this.instances.isAwaited(hello);
  }

  admit(link: InstanceLink): void {
    this.linked.set(link.hello.instance, link);
    this.dispatcher.add(link);
  }

  get linkEvents(): Dispatcher {
    return this.dispatcher;
  }

  status(): FunctionStatus {
    return {
      name: this.document.name,
      version: this.document.version,
      instances: this.dispatcher.live.length,
      starting: this.instances.startingCount,
      running: this.dispatcher.running,
      held: this.dispatcher.heldCount,
      ...(this.instances.failure === undefined ? {} : { failure: this.instances.failure }),
    };
  }

  /** Fails what is held, finishes what runs, ends the instances. */
  async stop(error: GatewayError): Promise<void> {
    clearTimeout(this.watchTimer);
    await this.watcher?.close();
    this.dispatcher.failHeld(error);
    await this.instances.stop();
  }

  /** As {@link stop}, for a function that is gone while the gateway goes on: its pods may link for a successor at once. */
  async remove(error: GatewayError): Promise<void> {
    this.dispatcher.close(error);
    await this.stop(error);
    for (const link of [...this.linked.values()]) link.part();
  }

  onDemand(): void {
    for (const link of this.dispatcher.live) {
      const { instance } = link.hello;
      if (link.credits + link.runningCount === 0) continue;
      if (!this.broken.has(instance) && this.instances.isCurrent(instance)) this.instances.healthy();
      this.instances.ready(instance);
    }
    this.instances.scale();
  }

  onRoom(): void {
    this.events.onRoom?.(this.document.name);
  }

  onEnd(invocation: Invocation, link: InstanceLink | undefined): void {
    this.activeAt = performance.now();
    if (link?.hasEnded === false) this.instances.worked(link.hello.instance);
    // an agent starts a failed bootstrap again, within the same instance
    if (link !== undefined && invocation.failure === undefined && this.broken.delete(link.hello.instance))
      if (this.instances.isCurrent(link.hello.instance)) this.instances.healthy();
    this.events.onEnd(invocation, this.document, link?.hello.instance);
  }

  onLog(lines: LogLine[], link: InstanceLink, invocation: Invocation | undefined): void {
    for (const { time, level, message } of lines)
      this.events.onLog({
        time,
        level,
        message,
        source: "console",
        function: this.document.name,
        instance: link.hello.instance,
        ...(invocation === undefined ? {} : { requestId: invocation.head.requestId }),
      });
  }

  onInitFailed(link: InstanceLink, error: InvocationError): void {
    this.broken.add(link.hello.instance);
    if (this.instances.isCurrent(link.hello.instance))
      this.events.onBroken(this.document, `${error.errorType}: ${error.errorMessage}`);
    this.instances.initFailed(link.hello.instance, error);
  }

  onDraining(link: InstanceLink): void {
    this.instances.leaving(link.hello.instance, false);
  }

  onRetired(link: InstanceLink): void {
    this.instances.leaving(link.hello.instance, true);
  }

  onClosed(link: InstanceLink): void {
    if (this.linked.get(link.hello.instance) === link) this.linked.delete(link.hello.instance);
    this.broken.delete(link.hello.instance);
    this.instances.unlinked(link.hello.instance);
  }

  onStuck(link: InstanceLink, reason: string): void {
    this.log("error", `instance ${link.hello.instance} is ended: ${reason}`, "gateway", {
      instance: link.hello.instance,
    });
    this.instances.kill(link.hello.instance);
  }

  private onStartFailed(error: GatewayError): void {
    this.events.onBroken(this.document, error.message);
    if (this.dispatcher.live.length === 0) this.dispatcher.failHeld(error);
  }

  private currentLinks(): InstanceLink[] {
    return this.dispatcher.live.filter((link) => this.instances.isCurrent(link.hello.instance));
  }

  private drain(instance: string): void {
    const link = this.linked.get(instance);
    if (link === undefined) return;
    this.dispatcher.drain(link);
    this.instances.leaving(instance, true);
  }

  /** A line of plain output belongs to the invocation that runs, where it can only be that one. */
  private attributed(instance: string): Pick<LogRecord, "instance" | "requestId"> {
    const link = this.linked.get(instance);
    if (link?.runningCount !== 1) return { instance };
    const [only] = link.invocations;
    return { instance, requestId: only.head.requestId };
  }

  private log(
    level: LogRecord["level"],
    message: string,
    source: LogRecord["source"],
    more: Pick<LogRecord, "instance" | "requestId"> = {},
  ): void {
    this.events.onLog({ time: Date.now(), level, message, source, function: this.document.name, ...more });
  }

  private watchCode(): void {
    const folder = this.options.watched?.(this.document);
    if (folder === undefined) return;
    this.watcher = watch([folder, ...this.elsewhere], {
      ignoreInitial: true,
      ignored: (path) => !this.elsewhere.has(path) && IGNORED.test(path.slice(folder.length)),
    });
    this.watcher.on("error", (error) =>
      this.log(
        "warn",
        `function "${this.document.name}": its code cannot be watched: ${(error as Error).message}`,
        "gateway",
      ),
    );
    this.watcher.on("all", () => {
      clearTimeout(this.watchTimer);
      this.watchTimer = setTimeout(() => {
        this.log("info", `function "${this.document.name}": the code has changed, instances are replaced`, "gateway");
        this.instances.replace();
        // messages that found that the code cannot be started may find that it can
        this.onRoom();
      }, CODE_QUIET_MS);
    });
  }

  /** A file that was part of the last bundle stays watched: the next one may fail because of it. */
  private watchElsewhere(files: readonly string[]): void {
    const added = files.filter((file) => !this.elsewhere.has(file));
    for (const file of added) this.elsewhere.add(file);
    if (added.length > 0) this.watcher?.add(added);
  }
}

/** What an instance is started with: a change of any of it needs new instances, a change of the rest does not. */
function fingerprint(document: FunctionDocument, region: RegionDocument): string {
  const { scale: _scale, limits, ...started } = document;
  const { sessions: _sessions, ...regionShared } = region;
  return createHash("sha256")
    .update(JSON.stringify([started, limits.responseBytes, limits.initSeconds, regionShared]))
    .digest("hex");
}
