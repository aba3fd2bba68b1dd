import { type Socket } from "node:net";

/** Connections that have not shown who they are: all together, and from one address. */
const MAX_UNFINISHED = 1_024;
const MAX_UNFINISHED_OF_ADDRESS = 64;

/** Connections between being accepted and being an instance's link, of which there may be so many. */
export class UnfinishedLinks {
  private readonly sockets = new Map<string, Socket>();
  private readonly perAddress = new Map<string, number>();

  /** Whether there was room for one more. */
  add(socket: Socket): boolean {
    const address = socket.remoteAddress ?? "";
    const ofAddress = this.perAddress.get(address) ?? 0;
    if (this.sockets.size >= MAX_UNFINISHED || ofAddress >= MAX_UNFINISHED_OF_ADDRESS) return false;
    const key = keyOf(socket);
    this.sockets.set(key, socket);
    this.perAddress.set(address, ofAddress + 1);
    socket.once("close", () => {
      if (this.sockets.get(key) === socket) this.remove(key, address);
    });
    return true;
  }

  /** The connection is an instance's link now. @param socket - The accepted one, or what TLS has made of it. */
  delete(socket: Socket): void {
    this.remove(keyOf(socket), socket.remoteAddress ?? "");
  }

  destroyAll(): void {
    for (const socket of this.sockets.values()) socket.destroy();
  }

  private remove(key: string, address: string): void {
    if (!this.sockets.delete(key)) return;
    const ofAddress = this.perAddress.get(address)! - 1;
    if (ofAddress === 0) this.perAddress.delete(address);
    else this.perAddress.set(address, ofAddress);
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
