import createRouter, { type HTTPMethod } from "find-my-way";

import { HTTP_METHODS, pathShape, type RouteDocument } from "../spec";

const EVERY_METHOD = HTTP_METHODS.filter((method): method is Exclude<typeof method, "ANY"> => method !== "ANY");
/** Stands for a value of a parameter: a literal that nobody writes. */
const SAMPLE = "~~sample~~";

/** Endpoints of one region, to find those that can never be reached. */
export class RouteTable {
  private readonly routes: RouteDocument[] = [];

  /** Adds an endpoint, or says why it or an earlier one could never be reached. */
  add(route: RouteDocument): string | undefined {
    const shape = pathShape(route.path);
    const twin = this.routes.find(({ method, path }) => method === route.method && pathShape(path) === shape);
    if (twin !== undefined) return `${describe(route)} takes the same requests as ${nameOf(twin)}`;
    this.routes.push(route);
    return this.unreachable();
  }

  /**
   * Only endpoints with `ANY` or with a wildcard can be covered by others: any other one is preferred for the requests
   * that have its very shape.
   */
  private unreachable(): string | undefined {
    const candidates = this.routes.filter(({ method, path }) => method === "ANY" || path.endsWith("*"));
    if (candidates.length === 0) return undefined;
    const find = this.router();
    const depth = Math.max(...this.routes.map(({ path }) => path.split("/").length));
    for (const route of candidates) {
      const methods = methodsOf(route);
      const paths = samplePaths(route.path, depth);
      const winners = methods.flatMap((method) => paths.map((path) => find(method, path)));
      if (!winners.includes(route)) {
        const others = [...new Set(winners)].filter((winner) => winner !== undefined).map(nameOf);
        return `${describe(route)} of ${nameOf(route)} can never match: ${others.join(", ")} take all of its requests`;
      }
    }
    return undefined;
  }

  /** Routes as the gateway does. */
  private router(): (method: HTTPMethod, path: string) => RouteDocument | undefined {
    const router = createRouter({ ignoreTrailingSlash: true, caseSensitive: true });
    const bound = new Set<string>();
    const specificFirst = [...this.routes].sort((a, b) => Number(a.method === "ANY") - Number(b.method === "ANY"));
    for (const route of specificFirst)
      for (const method of methodsOf(route)) {
        const key = `${method} ${pathShape(route.path)}`;
        if (bound.has(key)) continue;
        bound.add(key);
        router.on(method, route.path, () => undefined, route);
      }
    return (method, path) => router.find(method, path)?.store as RouteDocument | undefined;
  }
}

function methodsOf({ method }: RouteDocument): HTTPMethod[] {
  return method === "ANY" ? EVERY_METHOD : [method];
}

/** Requests that a path matches; for a wildcard also those with more segments than any other path has. */
function samplePaths(path: string, depth: number): string[] {
  const filled = path.replace(/:[^/]+/g, SAMPLE);
  if (!filled.endsWith("*")) return [filled];
  const prefix = filled.slice(0, -1);
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
