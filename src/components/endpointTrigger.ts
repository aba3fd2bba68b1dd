import * as pulumi from "@pulumi/pulumi";

import type { ArgumentNames } from "../platforms/argumentNames";
import { API_VERSION } from "../spec";
import type { RouteDocument } from "../spec/documentTypes";
import type { HttpMethod } from "../spec/endpointPath";
import { withDependencies } from "./dependencies";
import { Problems, requireComponent } from "./problems";
import { checkTrigger, createTrigger, type RegionalUrls, type TriggerArgs, urlsOf } from "./trigger";

/** A request of an endpoint. At most 4 KiB as JSON. */
export interface EndpointExample {
  /**
   * Path that the endpoint takes, with a query string if need be: `/orders/17?full=1`. One of another form is an error.
   * @default the endpoint's path, with 1 for each parameter
   */
  path?: string;
  /**
   * Body, sent as JSON. What JSON cannot express is an error, and so is a body for GET or HEAD.
   * @default {} for POST, PUT and PATCH
   */
  body?: unknown;
  /**
   * Fields of a multipart form, in place of `body`. A value that starts with `@` is the path of a file:
   * `{ receipt: "@README.md" }`.
   * @default none
   */
  form?: Record<string, string>;
}

/** Arguments of {@link EndpointTrigger}. */
export interface EndpointTriggerArgs extends TriggerArgs<RouteDocument> {
  /**
   * Path of the endpoint: literal segments and parameters, `/orders/:orderId`, and as the last segment `*` for the rest; at
   * most 512 characters. Each parameter is a field of `req.ids`. A path that can never match is an error, and so is one that
   * another endpoint has with the same method.
   */
  path: string;
  /**
   * HTTP method, or `ANY` for those that no other endpoint of the same path has.
   * @default "GET"
   */
  method?: HttpMethod;
  /**
   * Whether callers need a session. `required` answers 401 without a token, `optional` lets callers without one in, without
   * `req.session`; both pass on the session of a valid token, and answer 401 to an invalid one. `none` looks at no token.
   * In an app without `sessions` no token is looked at, and `required` is an error.
   * @default "optional"
   */
  session?: "none" | "optional" | "required";
  /**
   * A request that shows how the endpoint is used: `fullcode dev` prints it as a curl line.
   * @default made from method and path
   */
  example?: EndpointExample;
}

const NAMES: ArgumentNames<EndpointTriggerArgs> = {
  function: true,
  regions: true,
  transform: true,
  path: true,
  method: true,
  session: true,
  example: true,
};

/** An endpoint: HTTP requests of one method and path invoke a function. */
export class EndpointTrigger extends pulumi.ComponentResource {
  /** HTTP method of the endpoint, or `ANY`. */
  readonly method: HttpMethod;
  /** Path of the endpoint, with its parameters. */
  readonly path: string;
  /** Address of the endpoint, by environment and region. Parameters are written as in `path`. */
  readonly urls: pulumi.Output<RegionalUrls>;
  /** Address of the endpoint in the first region of the first environment. */
  readonly url: pulumi.Output<string>;

  /**
   * @param name - Lower-case letters, digits and dashes; at most 53 characters.
   * @throws ResourceError with all problems of the arguments.
   */
  constructor(name: string, args: EndpointTriggerArgs, opts?: pulumi.ComponentResourceOptions) {
    const label = `EndpointTrigger "${name}"`;
    requireComponent(label, "function", args?.function, "FullCodeFunction");
    const { method = "GET", path, session, example, transform } = args;
    const problems = new Problems(label);
    problems.checkNames(args, NAMES);
    const regions = checkTrigger("EndpointTrigger", name, args, problems);
    if (session === "required" && args.function.app.sessions === undefined)
      problems.add("session", `"required" needs \`sessions\` of ServerlessApp "${args.function.app.name}"`);
    const input = { kind: "Route" as const, apiVersion: API_VERSION, name, function: args.function.name } as const;
    const document = problems.checkDocument({ ...input, method, path, session, example });
    if (document !== undefined) for (const { routes } of regions) problems.add("path", routes.add(document));
    problems.throwIfAny();

    super("fullcode:index:EndpointTrigger", name, {}, withDependencies(opts));
    this.method = method;
    this.path = path;
    createTrigger(this, regions, { document: document!, transform });
    this.urls = urlsOf(regions, path);
    this.url = regions[0].url.apply((base) => base + path);
    this.registerOutputs({ urls: this.urls, url: this.url });
  }
}
