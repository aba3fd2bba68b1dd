import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";

/** What the kubelet and Prometheus ask for. */
export interface ProbeServerOptions {
  host: string;
  port: number;
  /** Why traffic should not come here; undefined when it should. */
  unreadyReason(): string | undefined;
  /** Text in Prometheus' format. */
  metrics(): Promise<string>;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** `/live` says that the event loop turns, `/ready` whether traffic should come, `/metrics` what happened. */
export class ProbeServer {
  private readonly server: Server;

  constructor(private readonly options: ProbeServerOptions) {
    this.server = createServer((request, response) => {
      void this.answer(request.url ?? "").then(({ status, text, type }) => {
        response.writeHead(status, { "content-type": type ?? "text/plain; charset=utf-8" });
        response.end(text);
      });
    });
  }

  /** @returns the port. */
  async listen(): Promise<number> {
    const { host, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen({ host, port }, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(url: string): Promise<{ status: number; text: string; type?: string }> {
    switch (url.split("?", 1)[0]) {
      case "/live":
        return { status: 200, text: "live\n" };
      case "/ready": {
        const reason = this.options.unreadyReason();
        return reason === undefined ? { status: 200, text: "ready\n" } : { status: 503, text: `${reason}\n` };
      }
      case "/metrics":
        try {
          return { status: 200, text: await this.options.metrics(), type: METRICS_TYPE };
        } catch (error) {
          return { status: 500, text: `${(error as Error).message}\n` };
        }
      default:
        return { status: 404, text: "there are /live, /ready and /metrics\n" };
    }
  }
}
