import { regionTable, regionWarnings } from "../../../src/cli/output/regionTable";
import { localRegion, type RegionDocuments } from "../../../src/cli/regions/regionFolders";
import {
  type CronDocument,
  type FunctionDocument,
  parseDocument,
  type QueueDocument,
  type RouteDocument,
} from "../../../src/spec";

const region = localRegion("/p/.fullcode/dev/production/eu");
const header = { apiVersion: "fullcode/v1", function: "orders" };

function parse<T>(kind: string, fields: Record<string, unknown>): T {
  return parseDocument({ kind, ...header, ...fields }, "test") as T;
}
const route = (method: string, path: string, session?: string, example?: RouteDocument["example"]) =>
  parse<RouteDocument>("Route", { name: "r", method, path, session, example });
const fn = (name: string) => ({
  ...(parseDocument(
    { kind: "Function", apiVersion: "fullcode/v1", name, version: "1", runtime: "nodejs", concurrency: 1 },
    "test",
  ) as FunctionDocument),
  writtenAt: new Date(),
});
const none: RegionDocuments = { functions: [], routes: [], queues: [], crons: [] };

test("shows each trigger with its function, and lines to paste", () => {
  const documents: RegionDocuments = {
    ...none,
    functions: [fn("orders")],
    routes: [route("POST", "/orders", "required"), route("DELETE", "/files/*"), route("GET", "/orders/:id/x/:y")],
    queues: [parse<QueueDocument>("Queue", { name: "q", queue: "jobs" })],
    crons: [parse<CronDocument>("Cron", { name: "c", schedule: "0 2 * * *", timezone: "Europe/Istanbul" })],
  };
  const now = new Date("2025-01-31T12:00:00Z");
  expect(regionTable(region, documents, "http://localhost:4001", now)).toEqual([
    "production/eu  http://localhost:4001",
    "  DELETE  /files/*                   → orders  curl -X DELETE http://localhost:4001/files/x",
    "  POST    /orders                    → orders  curl -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' -d '{}' http://localhost:4001/orders",
    "  GET     /orders/:id/x/:y           → orders  curl http://localhost:4001/orders/1/x/1",
    "  queue   jobs                       → orders  curl -H 'content-type: application/json' -d '{}' http://localhost:4001/queues/jobs",
    "  cron    0 2 * * * Europe/Istanbul  → orders  next 2025-01-31T23:00:00Z",
  ]);
});

test("the lines to paste are the triggers' own examples", () => {
  const documents: RegionDocuments = {
    ...none,
    routes: [
      route("POST", "/a", "none", { body: { text: "it's" } }),
      route("GET", "/b/:id", "none", { path: "/b/17?full=1&x=2" }),
      route("DELETE", "/c/:id", "none", { path: "/c/17", body: [1] }),
      route("PUT", "/d", "none", { form: { note: "a b", file: "@README.md", literal: "<x;y" } }),
    ],
    queues: [parse<QueueDocument>("Queue", { name: "q", queue: "jobs", example: { body: null } })],
  };
  const lines = regionTable(region, documents, "http://localhost:4001").slice(1);
  expect(lines.map((line) => line.replace(/^.*→ orders +/, ""))).toEqual([
    `curl -H 'content-type: application/json' -d '{"text":"it'\\''s"}' http://localhost:4001/a`,
    "curl 'http://localhost:4001/b/17?full=1&x=2'",
    "curl -X DELETE -H 'content-type: application/json' -d '[1]' http://localhost:4001/c/17",
    "curl -X PUT -F 'note=a b' -F 'file=@README.md' --form-string 'literal=<x;y' http://localhost:4001/d",
    "curl -H 'content-type: application/json' -d 'null' http://localhost:4001/queues/jobs",
  ]);
});

test("warns of what probably is a mistake", () => {
  expect(regionWarnings(region, none)).toEqual([]);
  expect(
    regionWarnings(region, { ...none, functions: [fn("orders"), fn("idle")], routes: [route("GET", "/")] }),
  ).toEqual(['Function "idle" of region production/eu has no trigger: it can be run by "fullcode invoke" only.']);
  expect(
    regionWarnings(region, { ...none, functions: [fn("a"), fn("b"), fn("orders")], routes: [route("GET", "/")] }),
  ).toEqual(['Functions "a", "b" of region production/eu have no trigger: they can be run by "fullcode invoke" only.']);
  expect(regionWarnings(region, { ...none, functions: [fn("orders")], routes: [route("GET", "/")] })).toEqual([]);
});
