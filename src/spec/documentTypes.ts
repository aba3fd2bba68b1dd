/**
 * What documents are, without the schemas that check them: these types are part of the public API, whose declarations must
 * not need those of another package.
 *
 * @module
 */
import type { HttpMethod } from "./endpointPath";

/** What all documents have. */
interface Header {
  /** Version of the documents' schema. */
  apiVersion: "fullcode/v1";
  /** Name of the component that declared it. */
  name: string;
}

/** A function in one region, as the gateway reads it. */
export interface FunctionDocument extends Header {
  /** What the document is about. */
  kind: "Function";
  /** Content hash of the code: a new one rolls new instances. */
  version: string;
  /** `nodejs` loads the entrypoint, `custom` runs `bootstrap`. */
  runtime: "nodejs" | "custom";
  /** Folder or archive, relative to the project; `local()` regions only. */
  code?: string;
  /** Image by digest; `kubernetes()` regions only. */
  image?: string;
  /** File that exports the handler, relative to the code. */
  entrypoint?: string;
  /** RUNTIME_HANDLER of a custom runtime. */
  handler?: string;
  /** RUNTIME_USERDATA of a custom runtime. */
  userData?: string;
  /** Time that one invocation may run. */
  timeoutSeconds: number;
  /** Memory of one instance. */
  memoryMiB: number;
  /** CPU share of one instance. */
  cpuCores: number;
  /** Invocations that one instance runs at once. */
  concurrency: number;
  /** How many instances there are. */
  scale: {
    /** Replicas kept at all times. */
    min: number;
    /** Replicas at most. */
    max: number;
    /** Time without traffic after which the function goes back to `min` replicas. */
    idleSeconds: number;
  };
  /** How much of its traffic is taken in. */
  limits: {
    /** Largest request body. */
    requestBytes: number;
    /** Largest buffered response, and largest streamed one where no caller is streamed to. */
    responseBytes: number;
    /** Requests held for an instance. */
    heldRequests: number;
    /** Bytes of bodies held for an instance. */
    heldBytes: number;
    /** Time that a request waits for an instance. */
    instanceWaitSeconds: number;
    /** Time that an instance has to initialise: until its code is loaded, or its bootstrap asks for its first event. */
    initSeconds: number;
  };
}

/** An endpoint in one region, as the gateway reads it. */
export interface RouteDocument extends Header {
  /** What the document is about. */
  kind: "Route";
  /** Name of the function that is invoked. */
  function: string;
  /** HTTP method, or `ANY` for those that no other endpoint of the path has. */
  method: HttpMethod;
  /** Literal segments, parameters (`:orderId`), and as the last segment `*`. At most 512 characters. */
  path: string;
  /** Whether a session token is needed. */
  session: "none" | "optional" | "required";
  /** A request that shows how the endpoint is used; for people only. */
  example?: {
    /** Path that the endpoint takes. */
    path?: string;
    /** Body, sent as JSON. */
    body?: unknown;
    /** Fields of a multipart form; a value that starts with `@` is the path of a file. */
    form?: Record<string, string>;
  };
}

/** A queue trigger in one region, as the gateway reads it. */
export interface QueueDocument extends Header {
  /** What the document is about. */
  kind: "Queue";
  /** Name of the function that is invoked. */
  function: string;
  /** Name of the queue. */
  queue: string;
  /** Deliveries before a message becomes a dead letter. */
  maxDeliveries: number;
  /** Pause before the second delivery; doubles with each further one. */
  backoffSeconds: number;
  /** Whether messages are taken from outside as well: from where the region's endpoints are published. */
  published?: boolean;
  /** A message that shows what the queue takes; for people only. */
  example?: {
    /** Body, sent as JSON. */
    body?: unknown;
  };
}

/** A schedule in one region, as the gateway reads it. */
export interface CronDocument extends Header {
  /** What the document is about. */
  kind: "Cron";
  /** Name of the function that is invoked. */
  function: string;
  /** Five fields, or six with seconds first. */
  schedule: string;
  /** Name of the IANA database. */
  timezone: string;
  /** What happens to firings that fell into a time when no gateway ran. */
  missed: "skip" | "latest" | "all";
  /** Deliveries before a firing becomes a dead letter. */
  maxDeliveries: number;
}

/** A key set (RFC 7517). */
export interface KeySet {
  /** The keys. */
  keys: {
    /** Type of the key: `RSA`, `EC`, `OKP`. */
    kty: string;
    [field: string]: unknown;
  }[];
  [field: string]: unknown;
}

/** A region, as the gateway reads it. */
export interface RegionDocument extends Header {
  /** What the document is about. */
  kind: "Region";
  /** Name of the app. */
  app: string;
  /** Name of the region's environment. */
  environment: string;
  /** What the environment is for. */
  environmentType: string;
  /** Base address of the region's endpoints. */
  url: string;
  /** Port on loopback; `local()` regions only. */
  port?: number;
  /** Proxies in front of the gateway that append to X-Forwarded-For. */
  trustedProxies?: number;
  /** How sessions are verified: JSON Web Tokens (RFC 7519) signed by a key of a key set. */
  sessions?: {
    /** Where the issuer publishes its keys. */
    jwksUrl?: string;
    /** The issuer's public keys. */
    jwks?: KeySet;
    /** Required `iss` claim. */
    issuer?: string;
    /** Required `aud` claim. */
    audience?: string;
  };
}

export type Document = RegionDocument | FunctionDocument | RouteDocument | QueueDocument | CronDocument;

/** Fields that may be left out, since they have defaults. */
type Defaulted<Kind, Field extends keyof Kind> = Omit<Kind, Field> & Partial<Pick<Kind, Field>>;

/** A function's document before defaults are filled in. */
export type FunctionDocumentInput = Defaulted<
  Omit<FunctionDocument, "scale" | "limits">,
  "timeoutSeconds" | "memoryMiB" | "cpuCores"
> & { scale?: Partial<FunctionDocument["scale"]>; limits?: Partial<FunctionDocument["limits"]> };

/** A document before defaults are filled in. */
export type DocumentInput =
  | RegionDocument
  | FunctionDocumentInput
  | Defaulted<RouteDocument, "session">
  | Defaulted<QueueDocument, "maxDeliveries" | "backoffSeconds">
  | Defaulted<CronDocument, "timezone" | "missed" | "maxDeliveries">;
