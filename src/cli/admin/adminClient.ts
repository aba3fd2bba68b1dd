import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import { CliError } from "../errors";
import { type LocalRegion } from "../regions/regionFolders";

/** Where a gateway of this machine is reached; it writes this itself, readable by its owner only. */
export interface GatewayAddress {
  pid: number;
  url: string;
  adminUrl: string;
  token: string;
}

/** Answer of a gateway that is not what was asked for. */
interface Refusal {
  errorType?: string;
  errorMessage?: string;
}

/** Talks to the running gateway of one region. */
export class AdminClient {
  constructor(
    readonly region: LocalRegion,
    private readonly address: GatewayAddress,
  ) {}

  /** Whether a gateway answers: after a crash its address is still there. */
  async isRunning(): Promise<boolean> {
    try {
      return (await this.fetch("GET", "/status")).ok;
    } catch {
      return false;
    }
  }

  /** @throws CliError with the gateway's own words when it refuses. */
  async get<T>(path: string): Promise<T> {
    return (await this.request("GET", path)).json() as Promise<T>;
  }

  /** @throws CliError with the gateway's own words when it refuses. */
  async post<T>(path: string, body: string | Buffer = "{}", contentType = "application/json"): Promise<T> {
    return (await this.request("POST", path, body, contentType)).json() as Promise<T>;
  }

  /** The values of a newline-delimited answer, as they come. */
  async *stream<T>(path: string, signal?: AbortSignal): AsyncGenerator<T> {
    const response = await this.request("GET", path, undefined, undefined, signal);
    if (response.body === null) return;
    const input = Readable.fromWeb(response.body, { signal });
    for await (const line of createInterface({ input })) if (line !== "") yield JSON.parse(line) as T;
  }

  private async request(
    method: string,
    path: string,
    body?: string | Buffer,
    contentType?: string,
    signal?: AbortSignal,
  ): Promise<Response> {
    let response: Response;
    try {
      response = await this.fetch(method, path, body, contentType, signal);
    } catch (error) {
      throw new CliError(`The gateway of region ${this.region.label} ended: ${(error as Error).message}`);
    }
    if (response.ok) return response;
    const refusal = (await response.json().catch(() => ({}))) as Refusal;
    throw new CliError(
      `Region ${this.region.label}: ${refusal.errorMessage ?? `the gateway answered ${response.status}`}`,
    );
  }

  private fetch(
    method: string,
    path: string,
    body?: string | Buffer,
    contentType?: string,
    signal?: AbortSignal,
  ): Promise<Response> {
    const headers = {
      authorization: `Bearer ${this.address.token}`,
      ...(contentType !== undefined && { "content-type": contentType }),
    };
    return fetch(this.address.adminUrl + path, { method, headers, body, signal });
  }
}
