import type { EgressRule } from "../platforms/egress";
import type { FunctionResources } from "../platforms/platform";
import type { AgencyArgs } from "./agency";
import type { Environment } from "./environment";
import type { ServerlessApp } from "./serverlessApp";
import type { Variables } from "./variables";

/** How many instances of a function there are. */
export interface ScaleArgs {
  /**
   * Instances that are kept at all times, 0 to 1000, at most `max`.
   * @default 0
   */
  min?: number;
  /**
   * Instances at most, 1 to 1000.
   * @default 10
   */
  max?: number;
  /**
   * Seconds without traffic after which the function goes back to `min` instances, 0.1 to 86400.
   * @default 300
   */
  idle?: number;
}

/** How much of a function's traffic is taken in, by each gateway. What is out of range is an error. */
export interface LimitArgs {
  /**
   * Largest request body in bytes, a whole number from 1 on; a larger one is answered with 413.
   * @default 6 MiB
   */
  requestBytes?: number;
  /**
   * Largest buffered response in bytes, a whole number from 1 on; a larger one is answered with 502. A response that is
   * streamed to an endpoint's caller has no limit; to a queue, a cron and a tester it has this one.
   * @default 6 MiB
   */
  responseBytes?: number;
  /**
   * Requests that are held while no instance has room, a whole number from 1 on; more are answered with 429.
   * @default 1000
   */
  heldRequests?: number;
  /**
   * Bytes of request bodies that are held until an instance has them, or with a custom runtime until it has answered; at
   * least `requestBytes`. More are answered with 429. All functions together hold a quarter of a gateway's memory.
   * @default 64 MiB
   */
  heldBytes?: number;
  /**
   * Seconds that a request waits for an instance before it is answered with 503, 0.1 to 900. They do not count toward
   * the timeout.
   * @default 60
   */
  instanceWaitSeconds?: number;
  /**
   * Seconds that an instance has to initialise, 0.1 to 900: a custom runtime until it asks for its first event, Node.js
   * until the entrypoint is loaded. One that takes longer is ended, and its invocations are answered with an error.
   * @default 45
   */
  initSeconds?: number;
}

/** Arguments of a function that may differ between regions. */
export interface FunctionSettings {
  /**
   * Seconds that one invocation may run before it is answered with 504, 0.1 to 900.
   * @default 30
   */
  timeout?: number;
  /**
   * Memory of one instance in MiB, 64 to 32768.
   * @default 256
   */
  memory?: number;
  /**
   * CPU share of one instance in cores, 0.01 to 256.
   * @default 0.25
   */
  cpu?: number;
  /**
   * Invocations that one instance runs at the same time, 1 to 1000.
   * @default 16 for Node.js, 1 for custom runtimes
   */
  concurrency?: number;
  /**
   * How many instances there are. What is out of range is an error.
   * @default 0 to 10, back to the fewest after 300 s
   */
  scale?: ScaleArgs;
  /**
   * How much traffic is taken in.
   * @default bodies and responses of 6 MiB, 1000 held requests, 64 MiB of held bodies, 60 s of waiting, 45 s to initialise
   */
  limits?: LimitArgs;
  /**
   * Custom environment variables, stored as secrets. Names that start with `RUNTIME_` or `FULLCODE_` are an error, and so are
   * one with more than 127 KiB, its name included, and more than 512 KiB in all.
   * @default none
   */
  variables?: Variables;
  /**
   * Where the code may connect to: `["internet"]`, ranges of addresses, namespaces. Regions of `kubernetes()` close
   * everything else but DNS and the region's own gateways, where endpoints and queues are; `local()` ones close nothing.
   * What is no such rule is an error.
   * @default nowhere, but for what the region opens to all of its functions
   */
  egress?: readonly EgressRule[];
}

/** Arguments of {@link FullCodeFunction}. */
export interface FullCodeFunctionArgs extends FunctionSettings {
  /** The app that the function belongs to. */
  app: ServerlessApp;
  /** Where the function runs: environments of the same app. */
  environments: Environment[];
  /**
   * Folder with the code and its resources, or a `.zip` or `.jar` of it, relative to the program's folder. At most
   * 50 MiB unpacked, without what `.dockerignore` leaves out. What does not exist or is empty is an error.
   */
  code: string;
  /**
   * File that exports the handler, relative to `code`; JavaScript or TypeScript. One that cannot be found is a warning
   * here and an error of each invocation.
   * @default "src/index.js"
   */
  entrypoint?: string;
  /**
   * What a custom runtime reads as `RUNTIME_HANDLER`.
   * @default not set
   */
  handler?: string;
  /**
   * What a custom runtime reads as `RUNTIME_USERDATA`: at most 32 KiB. It is part of the function's document and not
   * secret; use `variables` for what is.
   * @default not set
   */
  userData?: string;
  /**
   * Credentials that a custom runtime gets as headers of each event, stored as secrets. An error for Node.js functions.
   * @default none
   */
  agency?: AgencyArgs;
  /**
   * `nodejs` loads the entrypoint, `custom` runs the executable `bootstrap` at the root of the code.
   * @default "custom" for a `.jar` and for a folder with a `bootstrap`, else "nodejs"
   */
  runtime?: "nodejs" | "custom";
  /**
   * Image that the code runs in, for regions that build images: with `node` for Node.js, with what a custom runtime needs,
   * such as a JRE or Python, or with nothing at all (`scratch`). `local()` regions use what the machine has.
   * @default the region's `nodeImage`
   */
  baseImage?: string;
  /**
   * What is different in a region, by the region's name; `variables`, `scale` and `limits` are merged with those of the
   * function. A region that none of the environments has is an error.
   * @default the same everywhere
   */
  regions?: Record<string, FunctionSettings>;
  /**
   * Changes the function's resources: `document`, `variables` and `agency`, called once a region.
   * @default they stay as they are
   */
  transform?: FunctionResources["transform"];
}
