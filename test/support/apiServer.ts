import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, type Socket } from "node:net";

import { API_VERSION, DOCUMENT_KEY, DOCUMENT_LABEL } from "../../src/spec";

type Kind = "configmaps" | "endpointslices";
interface StoredObject {
  metadata: { name: string; namespace: string; resourceVersion: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

/** As much of a Kubernetes API server as a gateway needs: lists and watches of two kinds of objects. */
export class ApiServer {
  /** What is done with requests: `refuse` answers 503, `stall` never answers. */
  mode: "serve" | "refuse" | "stall" = "serve";
  /** Requests so far, e.g. `list configmaps`; those that were not served too. */
  readonly requests: string[] = [];
  private readonly objects: Record<Kind, Map<string, StoredObject>> = {
    configmaps: new Map(),
    endpointslices: new Map(),
  };
  private readonly watches = new Map<ServerResponse, Kind>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private version = 1;

  private constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
    this.server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
  }

  static async start(): Promise<ApiServer> {
    const server = new ApiServer();
    server.server.listen(0, "127.0.0.1");
    await once(server.server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  count(request: `${"list" | "watch"} ${Kind}`): number {
    return this.requests.filter((each) => each === request).length;
  }

  /** Watches that are open. */
  watching(kind: Kind): number {
    return [...this.watches.values()].filter((each) => each === kind).length;
  }

  /** Connections that are open, of requests that wait for an answer as well. */
  get connections(): number {
    return this.sockets.size;
  }

  /** Stores a document as `kubernetes()` does. */
  document(document: { kind: string; name: string } & Record<string, unknown>): void {
    const name = `${document.kind.toLowerCase()}-${document.name}`;
    const text = JSON.stringify({ apiVersion: API_VERSION, ...document });
    this.put("configmaps", name, { data: { [DOCUMENT_KEY]: text } }, { [DOCUMENT_LABEL]: document.kind });
  }

  /** Stores the gateways of the region. */
  gateways(addresses: string[]): void {
    const conditions = { ready: true, serving: true, terminating: false };
    const endpoints = addresses.map((address) => ({ addresses: [address], conditions }));
    this.put("endpointslices", "gateway-links", { addressType: "IPv4", endpoints, ports: [] });
  }

  /** Breaks all connections of watches, as a network does. */
  breakWatches(): void {
    for (const response of this.watches.keys()) response.destroy();
  }

  /** Ends all watches, as the server itself does now and then. */
  endWatches(): void {
    for (const response of this.watches.keys()) response.end();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private put(kind: Kind, name: string, content: object, labels?: Record<string, string>): void {
    const type = this.objects[kind].has(name) ? "MODIFIED" : "ADDED";
    const metadata = { name, namespace: "shop", resourceVersion: String(++this.version), labels };
    const object = { metadata, ...content };
    this.objects[kind].set(name, object);
    for (const [response, watched] of this.watches)
      if (watched === kind) response.write(JSON.stringify({ type, object }) + "\n");
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.url);
    const kind = url.pathname.split("/").at(-1) as Kind;
    const isWatch = url.searchParams.get("watch") === "true";
    this.requests.push(`${isWatch ? "watch" : "list"} ${kind}`);
    if (this.mode === "stall") return;
    if (this.mode === "refuse") return void response.writeHead(503).end("{}");
    response.writeHead(200, { "content-type": "application/json" });
    const objects = [...this.objects[kind].values()];
    if (!isWatch) {
      response.end(JSON.stringify({ metadata: { resourceVersion: String(this.version) }, items: objects }));
      return;
    }
    this.watches.set(response, kind);
    response.on("close", () => this.watches.delete(response));
    response.flushHeaders();
    const since = Number(url.searchParams.get("resourceVersion"));
    for (const object of objects)
      if (Number(object.metadata.resourceVersion) > since)
        response.write(JSON.stringify({ type: "MODIFIED", object }) + "\n");
  }
}
