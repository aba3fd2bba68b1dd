import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { type Gateway, type GatewayOptions, type LogRecord, startGateway } from "../../src/gateway/gateway";
import { GATEWAY_FILE, STATE_FOLDER } from "../../src/spec";
import { call, type CallAnswer, type CallOptions } from "./httpClient";
import { type RegionDeclaration, TestRegion } from "./region";
import { temporaryFolder } from "./temporaryFolder";

/** A gateway in the test's own process; its instances are real processes. */
export class TestGateway {
  private constructor(
    readonly region: TestRegion,
    readonly gateway: Gateway,
    /** Everything that was logged so far. */
    readonly logs: LogRecord[],
  ) {}

  static async start(region: TestRegion, options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
    const logs: LogRecord[] = [];
    const gateway = await startGateway({
      folder: region.folder,
      projectFolder: region.projectFolder,
      port: 0,
      onLog: (record) => logs.push(record),
      ...options,
    });
    return new TestGateway(region, gateway, logs);
  }

  get url(): string {
    return this.gateway.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  call(path: string, options: CallOptions = {}): Promise<CallAnswer> {
    return call(this.url + path, options);
  }

  /** Calls the admin API with the token from the region's state. */
  async admin(path: string, options: CallOptions = {}): Promise<CallAnswer> {
    const { adminUrl, token } = await this.address();
    return call(adminUrl + path, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
  }

  async address(): Promise<{ url: string; adminUrl: string; token: string; pid: number }> {
    const text = await readFile(join(this.region.folder, STATE_FOLDER, GATEWAY_FILE), "utf8");
    return JSON.parse(text) as { url: string; adminUrl: string; token: string; pid: number };
  }

  /** What the handlers' consoles said, without the instances' other words. */
  console(): string[] {
    return this.logs.filter(({ source }) => source === "console").map(({ message }) => message);
  }

  /** Records of ended invocations. */
  invocations(): LogRecord[] {
    return this.logs.filter(({ source }) => source === "invocation");
  }
}

/** Regions with a gateway each for the tests of one file: stopped and removed after each test. */
export function testGateways(): {
  start(declaration: RegionDeclaration, options?: Partial<GatewayOptions>): Promise<TestGateway>;
  folder(): string;
} {
  let started: TestGateway[] = [];
  afterEach(async () => {
    const all = started;
    started = [];
    await Promise.all(all.map(({ gateway }) => gateway.stop()));
  });
  // removed after what writes to it has stopped: hooks run in the order in which they are declared
  const folder = temporaryFolder();
  return {
    folder,
    async start(declaration, options = {}) {
      const region = new TestRegion(join(folder(), `region-${started.length}`));
      await region.declare(declaration);
      const gateway = await TestGateway.start(region, options);
      started.push(gateway);
      return gateway;
    },
  };
}
