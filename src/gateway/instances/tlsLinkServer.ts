import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Server as TlsServer, type TLSSocket } from "node:tls";

import { plainAddress } from "../../link/addresses";
import { LINK_TLS, linkKey, type LinkIdentity, parseLinkIdentity } from "../../link/linkTls";
import { linkToken } from "../../link/linkToken";
import { type Hello } from "../../link/messages";
import { type LinkRoots } from "../../spec/cluster";
import { type Admission, InstanceLink } from "./instanceLink";
import { type FindInstance } from "./linkServer";
import { LimitedLog } from "../logs/limitedLog";
import { SilentPeers } from "./silentPeers";
import { UnfinishedLinks } from "./unfinishedLinks";

/** Time that a connection has to finish the handshake of TLS. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Time after which the operating system asks a peer that is silent whether it is there. */
const KEEP_ALIVE_MS = 5_000;

export interface TlsLinkServerOptions {
  /**
   * Address to listen at.
   * @default all of the machine's, of either family
   */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  /** The root secrets that keys of instances are made from, as they are at this moment. */
  roots: () => LinkRoots;
  find: FindInstance;
  /** Why a link was refused, and from where; at most ten times a minute, whatever strangers do. */
  onRefused(message: string): void;
  /** Where all gateways' links are served, this one's included: `ip:port` each. Told to every instance that links. */
  peers: () => string[];
}

/**
 * Where instances in pods connect to: TCP with TLS and a pre-shared key for each function.
 *
 * Whoever finishes the handshake is an instance of the function that the key's identity names.
 */
export class TlsLinkServer {
  private readonly links = new Map<string, InstanceLink>();
  private readonly identities = new WeakMap<TLSSocket, LinkIdentity>();
  /** Those that were told about before their handshake had failed. */
  private readonly refusedEarly = new WeakSet<TLSSocket>();
  private readonly refusals: LimitedLog;
  private readonly unfinished = new UnfinishedLinks();
  private readonly silent = new SilentPeers(() => this.links.values());
  private readonly tls: TlsServer;
  private readonly server: Server;
  private whenLeft: (() => void) | undefined;

  private constructor(private readonly options: TlsLinkServerOptions) {
    this.refusals = new LimitedLog((message) => options.onRefused(message));
    // a local region has no use for it
    const { createServer: createTlsServer } = process.getBuiltinModule("node:tls");
    this.tls = createTlsServer({
      ...LINK_TLS,
      ca: [],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      pskCallback: (socket, identity) => this.keyOf(socket, identity),
    });
    this.tls.on("secureConnection", (socket) => this.accept(socket));
    this.tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => this.onHandshakeFailed(error, socket));
    // in front of TLS: what is over the limits costs no handshake
    this.server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
      // what goes wrong is told by the socket that TLS makes of it
      socket.on("error", () => undefined);
      if (this.unfinished.add(socket)) this.tls.emit("connection", socket);
      else this.refuse(socket, "too many connections are in their handshake");
    });
  }

  static async listen(options: TlsLinkServerOptions): Promise<TlsLinkServer> {
    const server = new TlsLinkServer(options);
    await new Promise<void>((resolve, reject) => {
      server.server.once("error", reject);
      server.server.listen({ port: options.port, host: options.host, backlog: 1024 }, resolve);
    });
    // as when no more files can be opened: those that are linked go on
    server.server.on("error", (error) => server.refusals.add(error.message));
    server.silent.watch();
    return server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Tells all instances where the gateways are. */
  setPeers(addresses: readonly string[]): void {
    for (const link of this.links.values()) link.announcePeers(addresses);
  }

  /**
   * Stops for good: no instance links any more, and each link is closed once what runs on it has ended and nothing is held
   * that its instance would take. The instances go on working for other gateways.
   *
   * Call it when nothing is taken in any more.
   */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.unfinished.destroyAll();
    for (const link of [...this.links.values()]) link.leave();
    if (this.links.size > 0) await new Promise<void>((resolve) => (this.whenLeft = resolve));
    this.silent.stop();
    await closed;
  }

  private keyOf(socket: TLSSocket, text: string): Buffer | null {
    const identity = parseLinkIdentity(text);
    if (identity === undefined) {
      this.refuseEarly(socket, "it does not say which function it is of; this port is for instances of functions only");
      return null;
    }
    const { current, previous } = this.options.roots();
    const root = [current, previous].find((each) => each?.generation === identity.generation);
    if (root === undefined) {
      const known = previous === undefined ? current.generation : `${previous.generation} and ${current.generation}`;
      this.refuseEarly(
        socket,
        `it claims to be of function "${identity.function}" with a key of generation ${identity.generation}, and this gateway knows ${known}; restart the function's Deployment, so that its pods get the current key`,
      );
      return null;
    }
    this.identities.set(socket, identity);
    return linkKey(linkToken(Buffer.from(root.secret, "base64"), identity.function));
  }

  private onHandshakeFailed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    if (this.refusedEarly.has(socket)) return;
    const identity = this.identities.get(socket);
    if (identity !== undefined && error.code === "ERR_SSL_BINDER_DOES_NOT_VERIFY")
      return this.note(
        socket,
        `it claims to be of function "${identity.function}" and does not have its key of generation ${identity.generation}; if it is one of this environment's pods, restart the function's Deployment`,
      );
    // who connects and goes, as those do who only look whether the port is open, has claimed nothing
    if (error.code === "ECONNRESET") return;
    this.note(
      socket,
      `its TLS handshake failed (${error.code ?? error.message}); this port is for instances of functions only`,
    );
    // other connections end by themselves, once their peers have been told
    if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") socket.destroy();
  }

  private accept(socket: TLSSocket): void {
    const identity = this.identities.get(socket);
    if (identity === undefined) return this.refuse(socket, "it resumed a session instead of showing its key");
    InstanceLink.accept(socket, (hello) => this.admit(socket, identity, hello));
  }

  private admit(socket: TLSSocket, identity: LinkIdentity, hello: Hello): Admission {
    const problem = (message: string) => {
      this.refuse(socket, message);
      return new Error(message);
    };
    if (hello.function !== identity.function)
      throw problem(`it has the key of function "${identity.function}" and says that it is of another one`);
    const found = this.options.find(hello);
    if (found === undefined)
      throw problem(
        `it is of function "${identity.function}", which is not declared in this region; deploy the function again, or remove what is left of it`,
      );
    // told apart from every other instance, also of other functions
    const key = `${hello.function}/${hello.instance}`;
    return {
      events: found.events,
      admitted: (link) => {
        this.unfinished.delete(socket);
        // the instance has lost the link that is still open here
        this.links.get(key)?.destroy();
        this.links.set(key, link);
        found.admit(link);
        link.announcePeers(this.options.peers());
      },
      closed: (link) => {
        if (this.links.get(key) === link) this.links.delete(key);
        if (this.links.size === 0) this.whenLeft?.();
      },
    };
  }

  private refuse(socket: Socket, reason: string): void {
    this.note(socket, reason);
    socket.destroy();
  }

  /** The handshake, in whose midst this is, ends by itself. */
  private refuseEarly(socket: TLSSocket, reason: string): void {
    this.refusedEarly.add(socket);
    this.note(socket, reason);
  }

  private note(socket: Socket, reason: string): void {
    const { remoteAddress } = socket;
    this.refusals.add(`from ${remoteAddress ? plainAddress(remoteAddress) : "a closed connection"}: ${reason}`);
  }
}
