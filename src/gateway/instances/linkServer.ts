import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { type Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type LinkStream } from "../../link/linkSocket";
import { isLinkToken } from "../../link/linkToken";
import { memoryStreams } from "../../link/memoryStream";
import { type Hello } from "../../link/messages";
import { InstanceLink, type InstanceLinkEvents } from "./instanceLink";
import { TlsLinkServer, type TlsLinkServerOptions } from "./tlsLinkServer";

/** Where an instance belongs; undefined for one that nobody waits for. */
export type FindInstance = (
  hello: Hello,
) => { events: InstanceLinkEvents; admit: (link: InstanceLink) => void } | undefined;

export interface LinkServerOptions {
  rootSecret: Buffer;
  find: FindInstance;
  onRefused(message: string): void;
}

/** Where instances connect to: a unix socket in a folder that only the owner can enter. */
export class LinkServer {
  private constructor(
    private readonly server: Server,
    private readonly folder: string,
    readonly address: string,
    private readonly options: LinkServerOptions,
  ) {}

  static async listen(options: LinkServerOptions): Promise<LinkServer> {
    // not in the region's folder: the path of a unix socket has room for about 100 characters
    const folder = await mkdtemp(join(tmpdir(), "fullcode-"));
    const address = join(folder, "link.sock");
    const server = createServer((socket) => accept(socket, options));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(address, 1024, resolve);
    });
    // as when no more files can be opened: those that are linked go on
    server.on("error", (error) => options.onRefused(error.message));
    return new LinkServer(server, folder, address, options);
  }

  /** Where instances in pods connect to. */
  static listenTls(options: TlsLinkServerOptions): Promise<TlsLinkServer> {
    return TlsLinkServer.listen(options);
  }

  /** The end of a link for an instance within this process. */
  connect(): Duplex {
    const [near, far] = memoryStreams();
    accept(near, this.options);
    return far;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

function accept(stream: LinkStream, options: LinkServerOptions): void {
  InstanceLink.accept(stream, (hello) => {
    if (!isLinkToken(options.rootSecret, hello.function, hello.token))
      throw refuse(options, `an instance that claims to be of function "${hello.function}" has a wrong token`);
    const found = options.find(hello);
    if (found === undefined)
      throw refuse(options, `instance ${hello.instance} of function "${hello.function}" is not awaited`);
    return { events: found.events, admitted: found.admit };
  });
}

function refuse(options: LinkServerOptions, message: string): Error {
  options.onRefused(message);
  return new Error(message);
}
