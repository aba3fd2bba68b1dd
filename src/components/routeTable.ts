import createRouter, { type HTTPMethod } from "find-my-way";

import type { RouteDocument } from "../spec/documentTypes";
import { HTTP_METHODS, pathShape } from "../spec/endpointPath";

const EVERY_METHOD = HTTP_METHODS.filter((method): method is Exclude<typeof method, "ANY"> => method !== "ANY");
/** Stands for a value of a parameter: a literal that nobody writes. */
const SAMPLE = "~~sample~~";

/** Endpoints of one region, to find those that can never be reached. */
export class RouteTable {
  /** Method and shape of the path → the endpoint. */
  private readonly routes = new Map<string, RouteDocument>();

  /** Adds an endpoint, or says why it or an earlier one could never be reached. */
  add(route: RouteDocument): string | undefined {
    const twin = this.routes.get(keyOf(route));
    if (twin !== undefined) return `${describe(route)} takes the same requests as ${nameOf(twin)}`;
    this.routes.set(keyOf(route), route);
    return this.coveredAny(route) ?? this.coveredWildcard(route);
  }

  /** `ANY` takes what no other endpoint of the same path takes, which may be nothing. */
  private coveredAny({ path }: RouteDocument): string | undefined {
    const any = this.routes.get(keyOf({ method: "ANY", path }));
    const others = EVERY_METHOD.map((method) => this.routes.get(keyOf({ method, path })));
    return any === undefined || others.includes(undefined) ? undefined : neverMatches(any, others);
  }

  /**
   * A wildcard may be covered by endpoints with a parameter or a wildcard in its place. All others are preferred for the
   * requests that have their very shape, and need no check.
   */
  private coveredWildcard(added: RouteDocument): string | undefined {
    const all = [...this.routes.values()];
    const candidates = all.filter((route) => isWildcard(route) && (route === added || mayCover(added, route)));
    if (candidates.length === 0) return undefined;
    const find = this.router();
    const depth = Math.max(...all.map(({ path }) => path.split("/").length));
    for (const route of candidates) {
      const paths = samplePaths(route.path, depth);
      const winners = methodsOf(route).flatMap((method) => paths.map((path) => find(method, path)));
      if (!winners.includes(route)) return neverMatches(route, winners);
    }
    return undefined;
  }

  /** Routes as the gateway does. */
  private router(): (method: HTTPMethod, path: string) => RouteDocument | undefined {
    const router = createRouter({ ignoreTrailingSlash: true, caseSensitive: true });
    for (const route of this.routes.values())
      for (const method of methodsOf(route)) {
        const isTaken = route.method === "ANY" && this.routes.has(keyOf({ method, path: route.path }));
        if (!isTaken) router.on(method, route.path, () => undefined, route);
      }
    return (method, path) => router.find(method, path)?.store as RouteDocument | undefined;
  }
}

function keyOf({ method, path }: Pick<RouteDocument, "method" | "path">): string {
  return `${method} ${pathShape(path)}`;
}

function isWildcard({ path }: RouteDocument): boolean {
  return path.endsWith("*");
}

/** Whether the endpoint has a parameter or a wildcard where the other one has its wildcard. */
function mayCover({ path }: RouteDocument, wildcard: RouteDocument): boolean {
  const segment = path.split("/")[wildcard.path.split("/").length - 1] ?? "";
  return segment.startsWith(":") || segment === "*";
}

function neverMatches(route: RouteDocument, winners: readonly (RouteDocument | undefined)[]): string {
  const others = [...new Set(winners)].filter((winner) => winner !== undefined).map(nameOf);
  return `${describe(route)} of ${nameOf(route)} can never match: ${others.join(", ")} take all of its requests`;
}

function methodsOf({ method }: RouteDocument): (typeof EVERY_METHOD)[number][] {
  return method === "ANY" ? EVERY_METHOD : [method];
}

/** Requests that a wildcard matches, up to more segments than any other path has. */
function samplePaths(path: string, depth: number): string[] {
  const prefix = path.slice(0, -1).replace(/:[^/]+/g, SAMPLE);
  return Array.from(
    { length: depth + 1 },
    (_, more) =>
      prefix +
      Array(more + 1)
        .fill(SAMPLE)
        .join("/"),
  );
}

function describe({ method, path }: RouteDocument): string {
  return `"${method} ${path}"`;
}

function nameOf(route: RouteDocument): string {
  return `EndpointTrigger "${route.name}" (${route.method} ${route.path})`;
}
