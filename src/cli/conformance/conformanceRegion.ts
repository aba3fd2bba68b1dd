import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startGateway } from "../../gateway/gateway";
import { type Gateway, type LogRecord } from "../../gateway/gatewayOptions";
import { API_VERSION, documentFileName, type DocumentInput } from "../../spec";

/** Functions that the package under test is deployed as: with different settings, the code is the same. */
export const VARIANTS = {
  /** One invocation at a time, in one instance, whose waiting requests wait for as long as a check likes. */
  single: { concurrency: 1, timeoutSeconds: 60, limits: { instanceWaitSeconds: 600 } },
  /** Four at a time, in one instance. */
  parallel: { concurrency: 4, timeoutSeconds: 60 },
  /** Ends what runs for two seconds. */
  short: { concurrency: 1, timeoutSeconds: 2 },
} as const;
export type Variant = keyof typeof VARIANTS;

export interface Answer {
  status: number;
  contentType: string;
  body: Buffer;
}

export interface RegionOptions {
  /** Absolute path of the folder or archive. */
  code: string;
  handler?: string;
  onLog: (record: LogRecord) => void;
}

/** The package under test, on a real gateway in a region that exists for the time of the checks only. */
export class ConformanceRegion {
  readonly logs: LogRecord[] = [];
  private gateway: Gateway | undefined;
  private version = 1;

  private constructor(
    private readonly folder: string,
    private readonly options: RegionOptions,
  ) {}

  static async start(options: RegionOptions): Promise<ConformanceRegion> {
    const region = new ConformanceRegion(await mkdtemp(join(tmpdir(), "fullcode-conformance-")), options);
    try {
      await region.open();
      return region;
    } catch (error) {
      await region.remove();
      throw error;
    }
  }

  /** Sends one request; bytes are sent as they are, anything else as JSON. */
  async call(variant: Variant, body: unknown): Promise<Answer> {
    const isBytes = Buffer.isBuffer(body);
    const response = await fetch(`${this.gateway!.url}/${variant}`, {
      method: "POST",
      headers: { "content-type": isBytes ? "application/octet-stream" : "application/json" },
      body: isBytes ? new Uint8Array(body) : JSON.stringify(body),
    });
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      body: Buffer.from(await response.arrayBuffer()),
    };
  }

  /** Replaces a variant's instances, as a deployment of new code does. */
  async deployAgain(variant: Variant): Promise<void> {
    this.version += 1;
    await this.writeFunction(variant);
    await this.gateway!.reload();
  }

  /** The instances that the last invocations of a variant ran on, oldest first. */
  instancesOf(variant: Variant): string[] {
    const ended = this.logs.filter((record) => record.source === "invocation" && record.function === variant);
    return ended.map(({ instance }) => instance ?? "");
  }

  /** Ends the region as the end of a gateway does: what runs is finished, and bootstraps get SIGTERM. */
  async stop(): Promise<void> {
    const { gateway } = this;
    this.gateway = undefined;
    await gateway?.stop();
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async open(): Promise<void> {
    const app = { app: "conformance", environment: "conformance", environmentType: "test" };
    await mkdir(this.region, { recursive: true });
    await this.write({ kind: "Region", name: "local", ...app, url: "http://localhost:4000" });
    for (const variant of Object.keys(VARIANTS) as Variant[]) {
      await this.writeFunction(variant);
      await this.write({ kind: "Route", name: variant, function: variant, method: "POST", path: `/${variant}` });
    }
    this.gateway = await startGateway({
      folder: this.region,
      projectFolder: this.folder,
      port: 0,
      onLog: (record) => {
        this.logs.push(record);
        this.options.onLog(record);
      },
    });
  }

  private get region(): string {
    return join(this.folder, "region");
  }

  private async writeFunction(variant: Variant): Promise<void> {
    const { code, handler } = this.options;
    await this.write({
      kind: "Function",
      name: variant,
      version: `v${this.version}`,
      runtime: "custom",
      code,
      handler,
      scale: { max: 1, idleSeconds: 86_400 },
      ...VARIANTS[variant],
    });
  }

  private async write(document: DistributiveOmit<DocumentInput, "apiVersion">): Promise<void> {
    const text = JSON.stringify({ apiVersion: API_VERSION, ...document });
    await writeFile(join(this.region, documentFileName(document)), text);
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;
