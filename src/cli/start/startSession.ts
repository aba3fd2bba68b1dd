import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { type Gateway } from "../../gateway/gatewayOptions";
import { API_VERSION, documentFileName, type DocumentInput, GATEWAY_FILE, limits, STATE_FOLDER } from "../../spec";
import { type AdminAddress } from "../admin/adminClient";
import { LogPrinter } from "../output/logLines";
import { type StartGateway } from "../regions/regionGateways";
import { describeFunction } from "./functionFolder";
import { StartServer } from "./startServer";

export interface StartSessionOptions {
  /** The function's folder. */
  folder: string;
  entrypoint?: string;
  /** 0 takes a free one. */
  port: number;
  print: (line: string) => void;
  startGateway: StartGateway;
}

/** `fullcode start`: one function, without a project. A gateway serves it from a region that exists for that time only. */
export class StartSession {
  private readonly logs: LogPrinter;
  private regionFolder: string | undefined;
  private gateway: Gateway | undefined;
  private server: StartServer | undefined;

  constructor(private readonly options: StartSessionOptions) {
    this.logs = new LogPrinter(options.print);
  }

  /**
   * @returns the port, when the function can be tested.
   * @throws CliError when the folder does not exist or the port is taken; nothing runs then.
   */
  async start(): Promise<number> {
    const { folder, entrypoint, print } = this.options;
    const document = await describeFunction(folder, entrypoint);
    try {
      await this.startRegion(document);
      const address = JSON.parse(
        await readFile(join(this.regionFolder!, STATE_FOLDER, GATEWAY_FILE), "utf8"),
      ) as AdminAddress;
      this.server = new StartServer(address, document.name, limits.DEFAULT_MAX_REQUEST_BYTES);
      const port = await this.server.listen(this.options.port);
      if (port !== this.options.port) await this.writeRegion(port);
      print(`Local development HTTP server running at port:${port}.`);
      print(`You can now test your function using the following endpoint: http://localhost:${port}`);
      return port;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Answers what was accepted and leaves nothing behind. */
  async stop(): Promise<void> {
    await this.server?.close().catch(() => undefined);
    await this.gateway?.stop();
    this.logs.flush();
    if (this.regionFolder !== undefined) await rm(this.regionFolder, { recursive: true, force: true });
  }

  private async startRegion(document: DocumentInput): Promise<void> {
    this.regionFolder = await mkdtemp(join(tmpdir(), "fullcode-start-"));
    await this.write(document);
    await this.writeRegion(this.options.port);
    this.gateway = await this.options.startGateway({
      folder: this.regionFolder,
      projectFolder: resolve(this.options.folder),
      watchCode: true,
      testersOnly: true,
      port: 0,
      onLog: (record) => this.logs.add(record),
    });
  }
  /** Functions learn from it where they are reached, and a free port is known only when it is listened at. */
  private async writeRegion(port: number): Promise<void> {
    await this.write({
      kind: "Region",
      apiVersion: API_VERSION,
      name: "local",
      app: "local",
      environment: "local",
      environmentType: "development",
      url: `http://localhost:${port}`,
    });
    await this.gateway?.reload();
  }

  private async write(document: DocumentInput): Promise<void> {
    await writeFile(join(this.regionFolder!, documentFileName(document)), JSON.stringify(document));
  }
}
