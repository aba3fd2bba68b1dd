import { type RegionDocument } from "../../spec";
import { type Deployment } from "../deploymentHistory";
import { type FunctionHost } from "../functions/functionHost";
import { type GatewayStatus } from "../gatewayOptions";
import { GatewayError } from "../invocations/gatewayError";
import { type LogBook } from "../logs/logBook";
import { logFilter } from "../logs/readLog";
import { type MessageStore } from "../queues/messageStore";
import { publishError, publishMessage } from "../queues/publishRequest";
import { type AdminServer } from "./adminServer";
import { begun, listedLetters, parseLimit } from "./deadLetterList";
import { invokeAsTester } from "./testerInvocation";

export interface AdminApiOptions {
  region(): RegionDocument;
  status(): Promise<GatewayStatus>;
  find(functionName: string): FunctionHost | undefined;
  hasQueue(queue: string): boolean;
  store: MessageStore;
  logs: LogBook;
  /** What was deployed to the region, oldest first. */
  history(): Promise<Deployment[]>;
}

/** Gives the admin server its routes. */
export function serveAdminApi(server: AdminServer, options: AdminApiOptions): void {
  const { store } = options;
  server.on("GET", "/status", async () => ({ value: await options.status() }));

  server.on("POST", "/functions/:name/invoke", async ({ params, query, body }) => {
    const host = options.find(params.name!);
    if (host === undefined)
      throw new GatewayError(
        404,
        "FunctionNotFound",
        `region "${options.region().name}" has no function "${params.name}"`,
      );
    return { value: await invokeAsTester(host, parseJson(body), { bytes: query.get("body") === "base64" }) };
  });

  const queueOf = (queue: string): string => {
    if (!options.hasQueue(queue))
      throw new GatewayError(404, "QueueNotFound", `region "${options.region().name}" has no queue "${queue}"`);
    return queue;
  };
  server.on("POST", "/queues/:name/messages", async ({ params, body, contentType }) => {
    try {
      const queue = queueOf(params.name!);
      return { status: 202, value: { ...(await publishMessage(store, queue, body, contentType)), queue } };
    } catch (error) {
      throw publishError(error);
    }
  });
  server.on("GET", "/queues", async () => {
    const names = await store.queues();
    return { value: await Promise.all(names.map(async (queue) => ({ queue, ...(await store.counts(queue)) }))) };
  });
  // dead letters are kept when their trigger is gone, so any name is looked up
  server.on("GET", "/queues/:name/dead-letters", async ({ params, query }) => {
    const letters = store.deadLetters(params.name!, { limit: parseLimit(query.get("limit")) });
    return { value: await begun(listedLetters(letters, query.get("bodies") === "whole")) };
  });
  server.on("POST", "/queues/:name/redrive", async ({ params, body }) => ({
    value: await store.redrive(params.name!, parseIds(body)),
  }));
  server.on("POST", "/queues/:name/purge", async ({ params, body }) => ({
    value: { count: await store.purgeDeadLetters(params.name!, parseIds(body)) },
  }));

  server.on("GET", "/deployments", async () => ({ value: await options.history() }));

  server.on("GET", "/logs", ({ query, signal }) => {
    const wanted = logFilter(query.get("function") ?? undefined, Number(query.get("since") ?? 0));
    return Promise.resolve({ value: options.logs.records(wanted, query.get("follow") === "1", signal) });
  });
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch (error) {
    throw new GatewayError(400, "InvalidBody", `the body is not valid JSON: ${(error as Error).message}`);
  }
}

function parseIds(body: Buffer): { ids?: string[] } {
  const { ids } = parseJson(body) as { ids?: unknown };
  return Array.isArray(ids) ? { ids: ids.map(String) } : {};
}
