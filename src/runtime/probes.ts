import { type Server } from "node:http";

/** Time between the start of an instance and its probes: `node:http` is loaded past the first invocation of a cold start. */
const LATER_MS = 250;
/** Pause before another try to listen. */
const RETRY_MS = 1_000;
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
    const server = probeServer(probed);
    let failed = false;
    server.on("error", (error) => {
      if (!failed)
        probed.onProblem(
          `the probes cannot be served: ${error.message}; the function's code must not listen at port ${port}`,
        );
      failed = true;
      setTimeout(() => server.listen(port), RETRY_MS);
    });
    server.listen(port);
  }, LATER_MS);
}

function probeServer(probed: Probed): Server {
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    const isKnown = path === "/live" || path === "/ready";
    const problem = path === "/ready" ? probed.notReady() : undefined;
    response.writeHead(!isKnown ? 404 : problem === undefined ? 200 : 503, {
      "content-type": "text/plain; charset=utf-8",
      connection: "close",
    });
    response.end(isKnown ? `${problem ?? "ok"}\n` : "there are /live and /ready\n");
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}
