import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { REGIONS, type RegionName } from "./regions";

/** Handler that asks {@link DeliveryControl} what becomes of each delivery. The variable CONTROL is its address. */
export const CONTROLLED_HANDLER = `
const { hostname } = require("node:os");

module.exports = async function (req, res) {
  const { type, name, scheduledTime } = req.trigger;
  const { region, deliveryAttempt: attempt } = req.appInfo;
  const report = { region, pod: hostname(), trigger: name, type, scheduledTime, attempt, body: req.body };
  const answer = await fetch(process.env.CONTROL, { method: "POST", body: JSON.stringify(report), signal: req.signal });
  const { fail } = await answer.json();
  if (fail !== undefined) throw new Error(fail);
  res.json(report);
};
`;

/** A message or a firing, as a handler got it. */
export interface ReportedDelivery {
  /** When it was reported, in milliseconds since the epoch. */
  at: number;
  region: string;
  pod: string;
  /** Name of its trigger. */
  trigger: string;
  type: "queue" | "cron";
  scheduledTime?: string;
  attempt: number;
  body?: unknown;
}

/** What a handler does: it ends well, or throws an error with the text. */
export interface Decision {
  fail?: string;
}

/** Hears of every delivery to the handlers of a program, and says how each ends, and when. */
export class DeliveryControl {
  readonly deliveries: ReportedDelivery[] = [];
  /** Asked for each delivery; its handler waits for the answer. */
  decide: (delivery: ReportedDelivery) => Decision | Promise<Decision> = () => ({});
  private readonly server = createServer((request, response) => void this.answer(request, response));

  /** Returns the address, which is the host's in the region's network. */
  async listen(region: RegionName): Promise<string> {
    const host = `10.210.${REGIONS[region]}.1`;
    this.server.listen(0, host);
    await once(this.server, "listening");
    return `http://${host}:${(this.server.address() as AddressInfo).port}`;
  }

  /** Deliveries in one region. */
  in(region: string): ReportedDelivery[] {
    return this.deliveries.filter((each) => each.region === region);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const report = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Omit<ReportedDelivery, "at">;
    const delivery = { at: Date.now(), ...report };
    this.deliveries.push(delivery);
    response.end(JSON.stringify(await this.decide(delivery)));
  }
}

/** Keeps everything that passes until it is opened. */
export class Gate {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}
