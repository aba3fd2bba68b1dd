/** Time between the start of an instance and its probes: `node:http` is loaded past the first invocation of a cold start. */
const LATER_MS = 250;
/** A kubelet has one connection; whoever else asks must not keep places from it for long. */
const MAX_CONNECTIONS = 32;

export interface Probed {
  /** Why the instance is not ready; undefined when it is. */
  notReady(): string | undefined;
  onProblem(message: string): void;
}

/** Answers the probes of a pod: `GET /live` as long as the event loop turns, `GET /ready` while the instance takes work. */
export function serveProbes(port: number, probed: Probed): void {
  setTimeout(() => {
    const { createServer } = process.getBuiltinModule("node:http");
    const server = createServer((request, response) => {
      const path = request.url?.split("?", 1)[0];
      const problem = path === "/ready" ? probed.notReady() : undefined;
      const status = path !== "/ready" && path !== "/live" ? 404 : problem === undefined ? 200 : 503;
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
      response.end(status === 404 ? "there are /live and /ready\n" : `${problem ?? "ok"}\n`);
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on("error", (error) =>
      probed.onProblem(
        `the probes cannot be served: ${error.message}; the function's code must not listen at port ${port}`,
      ),
    );
    server.listen(port);
  }, LATER_MS);
}
