import { type ServiceError, status } from "@grpc/grpc-js";

import { PeerClient } from "./peerClient";
import { type PeerLoad } from "./protocols/loads";
import { ScalerError } from "./scalerError";
import { type Troubles } from "./troubles";

export interface PeersOptions {
  /** "ip:port" of the other replicas' scalers, as of now. */
  staying: () => readonly string[];
  /** Of those that are being ended. */
  leaving: () => readonly string[];
  /** What this replica shows to them. */
  tokens: () => readonly string[];
  troubles: Troubles;
}

/** The other replicas of this gateway. */
export class Peers {
  private readonly clients = new Map<string, PeerClient>();
  private closed = false;

  constructor(private readonly options: PeersOptions) {}

  /**
   * Loads of all other replicas, each by function.
   *
   * @throws ScalerError UNAVAILABLE that names the peer when one cannot be asked. One that has left meanwhile, or is leaving, is
   * left out then: it answers until it has finished what it had.
   */
  async loads(): Promise<Map<string, PeerLoad>[]> {
    const answers = await Promise.all(this.current().map((client) => this.loadsOf(client)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Tells all other replicas; one that cannot be told now is told again in a second, while it matters. */
  activate(functions: string[]): void {
    for (const client of this.current())
      client.activate(functions).then(
        () => this.works(client),
        (error: ServiceError) => this.failed(client, error),
      );
  }

  close(): void {
    this.closed = true;
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }

  /** Drops the connections to replicas that have left. */
  refresh(): void {
    const addresses = this.addresses();
    for (const [address, client] of this.clients)
      if (!addresses.has(address)) {
        this.clients.delete(address);
        this.options.troubles.forget(address);
        client.close();
      }
  }

  /** Clients of exactly the replicas that are there now. */
  private current(): PeerClient[] {
    if (this.closed) return [];
    this.refresh();
    return [...this.addresses()].map((address) => {
      let client = this.clients.get(address);
      if (client === undefined) this.clients.set(address, (client = new PeerClient(address, this.options.tokens)));
      return client;
    });
  }

  private addresses(): Set<string> {
    return new Set([...this.options.staying(), ...this.options.leaving()]);
  }

  private async loadsOf(client: PeerClient): Promise<Map<string, PeerLoad> | undefined> {
    try {
      const answer = await client.loads();
      this.works(client);
      return answer;
    } catch (error) {
      if (this.closed || !this.options.staying().includes(client.address)) return undefined;
      throw new ScalerError(status.UNAVAILABLE, this.failed(client, error as ServiceError));
    }
  }

  private works({ address }: PeerClient): void {
    this.options.troubles.works(address, `gateway replica ${address} can be asked for its loads again`);
  }

  private failed({ address }: PeerClient, { code, details, message }: ServiceError): string {
    const reason = `gateway replica ${address} cannot be asked for its loads: ${status[code] ?? code}: ${details ?? message}`;
    if (!this.closed && this.options.staying().includes(address))
      this.options.troubles.failed(address, `${reason}. Until it can be, or has left, nothing is scaled by load`);
    return reason;
  }
}
