import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { REGIONS, type RegionName } from "./regions";

/** What an invocation of the shop's function says of itself. */
export interface Report {
  version: string;
  pod: string;
  region: string;
  type: "endpoint" | "queue" | "cron";
  scheduledTime?: string;
  deliveryAttempt: number;
  body?: unknown;
}

/** Takes reports from pods of a region, on the host's address in that region's network. */
export class Collector {
  readonly reports: Report[] = [];
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      this.reports.push(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Report);
      response.end();
    });
  });

  /** Where reports are sent to. */
  async listen(region: RegionName): Promise<string> {
    const host = `10.210.${REGIONS[region]}.1`;
    this.server.listen(0, host);
    await once(this.server, "listening");
    return `http://${host}:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
