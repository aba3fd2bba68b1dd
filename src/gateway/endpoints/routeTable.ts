import FindMyWay, { type HTTPMethod } from "find-my-way";

import { type RouteDocument } from "../../spec";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const satisfies HTTPMethod[];

export interface RouteMatch {
  route: RouteDocument;
  /** Values of the path's parameters. */
  ids: Record<string, string>;
}

/** All routes of a region, built anew as a whole when one changes. */
export class RouteTable {
  private readonly router = FindMyWay({ ignoreTrailingSlash: true, maxParamLength: 2_048 });

  /** @param onConflict - Told of a route that another one with the same requests keeps out. */
  constructor(routes: readonly RouteDocument[], onConflict: (message: string) => void) {
    // specific methods first, so that ANY (and HEAD by GET) only get what is left
    const rank = (route: RouteDocument) => (route.method === "ANY" ? 2 : route.method === "GET" ? 1 : 0);
    for (const route of [...routes].sort((a, b) => rank(a) - rank(b))) {
      const { method } = route;
      const wanted = method === "ANY" ? METHODS : method === "GET" ? (["GET", "HEAD"] as const) : ([method] as const);
      for (const each of wanted) {
        if (this.router.hasRoute(each, route.path)) {
          if (each === method) onConflict(`Route "${route.name}" is left out: ${method} ${route.path} has one already`);
          continue;
        }
        try {
          this.add(each, route);
        } catch (error) {
          onConflict(`Route "${route.name}" is left out: ${(error as Error).message}`);
        }
      }
    }
  }

  /** @param url - Path and query string as they were sent. */
  find(method: string, url: string): RouteMatch | undefined {
    const found = this.router.find(method as HTTPMethod, url);
    if (found === null) return undefined;
    return { route: found.store as RouteDocument, ids: found.params as Record<string, string> };
  }

  /** Methods that the URL's path has routes for. */
  methodsOf(url: string): string[] {
    return METHODS.filter((method) => this.router.find(method, url) !== null);
  }

  private add(method: HTTPMethod, route: RouteDocument): void {
    this.router.on(method, route.path, () => undefined, route);
  }
}
