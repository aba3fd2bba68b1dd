import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Writable } from "node:stream";

import { type KubeConfig, PortForward } from "@kubernetes/client-node";

import { CliError } from "../errors";
import { type ApiServer } from "./apiServer";

/** What lies between here and the pod may end a connection on which nothing is said, so something is. */
const PING_MS = 20_000;
const CLOSED_BY_US = 1000;
const MAX_REASON_CHARACTERS = 300;

/** The part that is used here of the web socket that the client library makes. */
interface Link {
  on(event: "close" | "pong", listener: () => void): void;
  ping(): void;
  close(code: number): void;
  terminate(): void;
}

/** The port of a pod as a port of this machine's loopback, by the API server: a web socket for each connection. */
export class PodForward {
  /** Why the last connection failed; for the error of whoever made it. */
  problem: string | undefined;
  private readonly server: Server;
  private readonly links = new Set<Link>();
  private closed = false;
  private readonly portForward: PortForward;

  private constructor(
    private readonly api: ApiServer,
    config: KubeConfig,
    private readonly namespace: string,
    private readonly pod: string,
    private readonly podPort: number,
  ) {
    this.portForward = new PortForward(config);
    this.server = createServer({ pauseOnConnect: true }, (socket) => void this.connect(socket));
  }

  static async open(
    api: ApiServer,
    config: KubeConfig,
    namespace: string,
    pod: string,
    port: number,
  ): Promise<PodForward> {
    const forward = new PodForward(api, config, namespace, pod, port);
    forward.server.listen(0, "127.0.0.1");
    await once(forward.server, "listening");
    return forward;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends all connections at once. */
  close(): void {
    this.closed = true;
    this.server.close();
    for (const link of this.links) link.terminate();
  }

  private async connect(socket: Socket): Promise<void> {
    this.problem = undefined;
    // a caller that goes away is not this end's problem
    socket.on("error", () => undefined);
    const errors = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const text = chunk.toString("utf8").trim();
        if (text !== "") this.fail(socket, `port ${this.podPort} of pod ${this.pod}: ${brief(text)}`);
        done();
      },
    });
    let link: Link;
    try {
      link = await this.dial(socket, errors);
    } catch (error) {
      return this.fail(socket, await this.refusal(error as Error));
    }
    this.links.add(link);
    const watch = keepAlive(link);
    link.on("close", () => {
      clearInterval(watch);
      this.links.delete(link);
      socket.end();
    });
    socket.on("close", () => link.close(CLOSED_BY_US));
    if (socket.destroyed || this.closed) link.terminate();
    socket.resume();
  }

  private async dial(socket: Socket, errors: Writable): Promise<Link> {
    const { namespace, pod, podPort } = this;
    const link: unknown = await this.portForward.portForward(namespace, pod, [podPort], socket, errors, socket);
    return link as Link;
  }

  private fail(socket: Socket, problem: string): void {
    this.problem = problem;
    socket.destroy();
  }

  /** A web socket that is refused says the status only; a plain request has the API server's words. */
  private async refusal({ message }: Error): Promise<string> {
    const { api, namespace, pod, podPort } = this;
    const access = { verb: "get", resource: "pods/portforward", name: pod, namespace } as const;
    try {
      const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward?ports=${podPort}`;
      const { status, text } = await api.get(path);
      if (status === 401 || status === 403) return api.refusal(status, text, access);
      if (status === 404) return `pod ${pod} is gone`;
    } catch (error) {
      if (error instanceof CliError) return error.message;
      throw error;
    }
    return /\b403$/.test(message)
      ? api.refusal(403, "", { ...access, verb: "create" })
      : `the API server does not forward port ${podPort} of pod ${pod}: ${message}`;
  }
}

/** What a container runtime says of a connection that it cannot make is long, and the same for all of them. */
function brief(text: string): string {
  return /connection refused/.test(text) ? "nothing listens there" : text.slice(0, MAX_REASON_CHARACTERS);
}

/** Ends a connection whose other end has vanished. */
function keepAlive(link: Link): NodeJS.Timeout {
  let answered = true;
  link.on("pong", () => (answered = true));
  return setInterval(() => {
    if (!answered) return link.terminate();
    answered = false;
    link.ping();
  }, PING_MS).unref();
}
