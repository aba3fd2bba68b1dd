import { type FSWatcher, watch } from "chokidar";
import { createHash } from "node:crypto";

import { type Hello, type InvocationError, type LogLine } from "../../link/messages";
import { type FunctionDocument, type RegionDocument } from "../../spec";
import { type FunctionStatus, type LogRecord } from "../gatewayOptions";
import { type InstanceLink } from "../instances/instanceLink";
import { InstancePool } from "../instances/instancePool";
import { type Launcher } from "../instances/launcher";
import { Dispatcher, type DispatcherEvents } from "../invocations/dispatcher";
import { type GatewayError } from "../invocations/gatewayError";
import { type Invocation } from "../invocations/invocation";

/** An editor writes a file in several steps; instances are replaced once it has been quiet for this long. */
const CODE_QUIET_MS = 40;

export interface FunctionHostEvents {
  onLog(record: LogRecord): void;
  onEnd(invocation: Invocation, document: FunctionDocument, instance: string | undefined): void;
  /** The function's code cannot be run. */
  onBroken(document: FunctionDocument, reason: string): void;
}

/** One function of a running gateway: its document, what waits for it, and its instances. */
export class FunctionHost implements DispatcherEvents {
  private readonly dispatcher: Dispatcher;
  private readonly pool: InstancePool;
  private readonly broken = new Set<string>();
  private watcher: FSWatcher | undefined;
  private watchTimer: NodeJS.Timeout | undefined;

  constructor(
    private document: FunctionDocument,
    private region: RegionDocument,
    private readonly launcher: Launcher,
    private readonly events: FunctionHostEvents,
    watchCode: boolean,
  ) {
    this.dispatcher = new Dispatcher(document, this);
    this.pool = new InstancePool(document, region, launcher, {
      demand: () => this.dispatcher.heldCount + this.dispatcher.running,
      longestWaitMs: () => this.dispatcher.longestWaitMs,
      takePeak: () => this.dispatcher.takePeak(),
      liveInstances: () => this.currentLinks().map((link) => link.hello.instance),
      drain: (instance) => this.drain(instance),
      onStartFailed: (error) => this.onStartFailed(error),
      onOutput: (instance, stream, line) =>
        this.log(stream === "stdout" ? "info" : "warn", line, "output", this.attributed(instance)),
      onNote: (level, message) => this.log(level, `function "${this.document.name}": ${message}`, "gateway"),
    });
    if (watchCode) this.watchCode();
    this.pool.scale();
  }

  get current(): FunctionDocument {
    return this.document;
  }

  get running(): number {
    return this.dispatcher.running;
  }

  get held(): number {
    return this.dispatcher.heldCount;
  }

  submit(invocation: Invocation): void {
    this.dispatcher.submit(invocation);
  }

  abandon(invocation: Invocation, reason: string): void {
    this.dispatcher.abandon(invocation, reason);
  }

  /** Takes over a changed document; new code or settings roll new instances. */
  update(document: FunctionDocument, region: RegionDocument, secretsChanged: boolean): void {
    const rolls = secretsChanged || fingerprint(document, region) !== fingerprint(this.document, this.region);
    const moved = this.launcher.codeFolder(document) !== this.launcher.codeFolder(this.document);
    this.document = document;
    this.region = region;
    this.dispatcher.update(document);
    if (rolls) this.pool.replace(document, region);
    else this.pool.scale();
    if (moved && this.watcher !== undefined) {
      void this.watcher.close();
      this.watchCode();
    }
  }

  /** An instance has said hello. */
  isAwaited(hello: Hello): boolean {
    return this.pool.isMember(hello.instance);
  }

  admit(link: InstanceLink): void {
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
      starting: this.pool.startingCount,
      running: this.dispatcher.running,
      held: this.dispatcher.heldCount,
      ...(this.pool.failure === undefined ? {} : { failure: this.pool.failure }),
    };
  }

  /** Fails what is held, finishes what runs, ends the instances. */
  async stop(error: GatewayError): Promise<void> {
    clearTimeout(this.watchTimer);
    await this.watcher?.close();
    this.dispatcher.failHeld(error);
    await this.pool.stop();
  }

  onDemand(): void {
    for (const link of this.dispatcher.live) {
      const { instance } = link.hello;
      if (link.credits + link.runningCount === 0) continue;
      if (!this.broken.has(instance) && this.pool.isCurrent(instance)) this.pool.healthy();
      this.pool.ready(instance);
    }
    this.pool.scale();
  }

  onEnd(invocation: Invocation, link: InstanceLink | undefined): void {
    // an agent starts a failed bootstrap again, within the same instance
    if (link !== undefined && invocation.failure === undefined && this.broken.delete(link.hello.instance))
      if (this.pool.isCurrent(link.hello.instance)) this.pool.healthy();
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
    if (this.pool.isCurrent(link.hello.instance))
      this.events.onBroken(this.document, `${error.errorType}: ${error.errorMessage}`);
    this.pool.initFailed(link.hello.instance, error);
  }

  onDraining(link: InstanceLink): void {
    this.pool.leaving(link.hello.instance);
  }

  onClosed(link: InstanceLink): void {
    this.broken.delete(link.hello.instance);
    this.pool.unlinked(link.hello.instance);
  }

  onStuck(link: InstanceLink, reason: string): void {
    this.log("error", `instance ${link.hello.instance} is ended: ${reason}`, "gateway", {
      instance: link.hello.instance,
    });
    this.pool.kill(link.hello.instance);
  }

  private onStartFailed(error: GatewayError): void {
    this.events.onBroken(this.document, error.message);
    if (this.dispatcher.live.length === 0) this.dispatcher.failHeld(error);
  }

  private currentLinks(): InstanceLink[] {
    return this.dispatcher.live.filter((link) => this.pool.isCurrent(link.hello.instance));
  }

  private drain(instance: string): void {
    const link = this.dispatcher.live.find((each) => each.hello.instance === instance);
    if (link === undefined) return;
    this.dispatcher.drain(link);
    this.pool.leaving(instance);
  }

  /** A line of plain output belongs to the invocation that runs, where it can only be that one. */
  private attributed(instance: string): Pick<LogRecord, "instance" | "requestId"> {
    const link = this.dispatcher.live.find((each) => each.hello.instance === instance);
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
    const folder = this.launcher.codeFolder(this.document);
    this.watcher = watch(folder, {
      ignoreInitial: true,
      ignored: (path) =>
        /[\\/](?:\.git|node_modules|\.fullcode|__pycache__)(?:[\\/]|$)/.test(path.slice(folder.length)),
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
        this.pool.replace(this.document, this.region);
      }, CODE_QUIET_MS);
    });
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
