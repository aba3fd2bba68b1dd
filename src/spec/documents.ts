import { z } from "zod";

import type { Document, DocumentInput } from "./documentTypes";
import { HTTP_METHODS, problemsWithPath } from "./endpointPath";
import { endpointExample, messageExample, problemsWithExample } from "./examples";
import * as limits from "./limits";
import { problemWithName } from "./names";
import { problemsWithSchedule } from "./schedule";

/** Version of the documents' schema. A gateway serves documents of this version and refuses others by name. */
export const API_VERSION = "fullcode/v1";

const name = z.string().superRefine((value, context) => {
  const problem = problemWithName(value);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const path = z.string().superRefine((value, context) => {
  for (const message of problemsWithPath(value)) context.addIssue({ code: "custom", message });
});

const header = { apiVersion: z.literal(API_VERSION), name: name.describe("Name of the component that declared it") };

/** How often and how long a function's instances run. */
const scale = z
  .strictObject({
    min: z.int().min(0).max(limits.MAX_SCALE).default(limits.DEFAULT_SCALE_MIN).describe("Replicas kept at all times"),
    max: z.int().min(1).max(limits.MAX_SCALE).default(limits.DEFAULT_SCALE_MAX).describe("Replicas at most"),
    idleSeconds: z
      .number()
      .min(0.1)
      .max(86_400)
      .default(limits.DEFAULT_IDLE_SECONDS)
      .describe("Time without traffic after which the function goes back to `min` replicas"),
  })
  .refine(({ min, max }) => min <= max, { path: ["min"], message: "must not be larger than `max`" });

const functionLimits = z.strictObject({
  requestBytes: z.int().min(1).default(limits.DEFAULT_MAX_REQUEST_BYTES).describe("Largest request body"),
  responseBytes: z.int().min(1).default(limits.DEFAULT_MAX_RESPONSE_BYTES).describe("Largest buffered response"),
  heldRequests: z.int().min(1).default(limits.DEFAULT_MAX_HELD_REQUESTS).describe("Requests held for an instance"),
  heldBytes: z.int().min(1).default(limits.DEFAULT_MAX_HELD_BYTES).describe("Bytes of bodies held for an instance"),
  instanceWaitSeconds: z
    .number()
    .min(0.1)
    .max(limits.MAX_INSTANCE_WAIT_SECONDS)
    .default(limits.INSTANCE_WAIT_SECONDS)
    .describe("Time that a request waits for an instance"),
  initSeconds: z
    .number()
    .min(0.1)
    .max(limits.MAX_TIMEOUT_SECONDS)
    .default(limits.DEFAULT_INIT_SECONDS)
    .describe("Time to initialise: until the code is loaded, or a bootstrap asks for its first event"),
});

/** One function of one region: what is run, and how much of it. */
export const functionDocument = z.strictObject({
  kind: z.literal("Function"),
  ...header,
  version: z.string().min(1).describe("Content hash of the code: a new one rolls new instances"),
  runtime: z.enum(["nodejs", "custom"]).describe("`nodejs` loads the entrypoint, `custom` runs `bootstrap`"),
  code: z.string().min(1).optional().describe("Folder or archive, relative to the project; local regions only"),
  image: z.string().min(1).optional().describe("Image by digest; Kubernetes regions only"),
  entrypoint: z.string().min(1).optional().describe("File that exports the handler, relative to the code"),
  handler: z.string().optional().describe("RUNTIME_HANDLER of a custom runtime"),
  userData: z
    .string()
    .refine((value) => Buffer.byteLength(value) <= limits.MAX_USER_DATA_BYTES, {
      message: `has more than ${limits.MAX_USER_DATA_BYTES} bytes`,
    })
    .refine((value) => !value.includes("\0"), { message: "must not contain a NUL character" })
    .optional()
    .describe("RUNTIME_USERDATA of a custom runtime"),
  timeoutSeconds: z
    .number()
    .min(0.1)
    .max(limits.MAX_TIMEOUT_SECONDS)
    .default(limits.DEFAULT_TIMEOUT_SECONDS)
    .describe("Time that one invocation may run"),
  memoryMiB: z
    .int()
    .min(limits.MIN_MEMORY_MIB)
    .max(limits.MAX_MEMORY_MIB)
    .default(limits.DEFAULT_MEMORY_MIB)
    .describe("Memory of one instance"),
  cpuCores: z.number().min(0.01).max(256).default(limits.DEFAULT_CPU_CORES).describe("CPU share of one instance"),
  concurrency: z.int().min(1).max(limits.MAX_CONCURRENCY).describe("Invocations that one instance runs at once"),
  scale: scale.prefault({}),
  limits: functionLimits.prefault({}),
});

/** One endpoint: requests of this method and path invoke the function. */
export const routeDocument = z
  .strictObject({
    kind: z.literal("Route"),
    ...header,
    function: name,
    method: z.enum(HTTP_METHODS),
    path,
    session: z.enum(["none", "optional", "required"]).default("optional").describe("Whether a session token is needed"),
    example: endpointExample.optional().describe("A request that shows how the endpoint is used; for people only"),
  })
  .superRefine((route, context) => {
    for (const [field, message] of problemsWithExample(route.example ?? {}, route))
      context.addIssue({ code: "custom", path: ["example", field], message });
  });

/** One queue: its messages invoke the function. */
export const queueDocument = z.strictObject({
  kind: z.literal("Queue"),
  ...header,
  function: name,
  queue: name,
  maxDeliveries: z.int().min(1).max(limits.MAX_DELIVERIES).default(limits.DEFAULT_QUEUE_MAX_DELIVERIES),
  backoffSeconds: z
    .number()
    .min(0)
    .max(limits.MAX_REDELIVERY_BACKOFF_SECONDS)
    .default(limits.REDELIVERY_BACKOFF_SECONDS)
    .describe("Pause before the second delivery; doubles with each further one"),
  published: z.boolean().optional().describe("Whether messages are taken from outside as well"),
  example: messageExample.optional().describe("A message that shows what the queue takes; for people only"),
});

/** One schedule: its firings invoke the function. */
export const cronDocument = z
  .strictObject({
    kind: z.literal("Cron"),
    ...header,
    function: name,
    schedule: z.string(),
    timezone: z.string().default("UTC"),
    missed: z
      .enum(["skip", "latest", "all"])
      .default("skip")
      .describe("What happens to firings that fell into a time when no gateway ran"),
    maxDeliveries: z.int().min(1).max(limits.MAX_DELIVERIES).default(limits.DEFAULT_CRON_MAX_DELIVERIES),
  })
  .superRefine((cron, context) => {
    const problems = problemsWithSchedule(cron.schedule, cron.timezone);
    for (const [key, message] of Object.entries(problems)) context.addIssue({ code: "custom", path: [key], message });
  });

/** How sessions are verified: JSON Web Tokens (RFC 7519) signed by a key of a key set (RFC 7517). */
const sessions = z.strictObject({
  jwksUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where the issuer publishes its keys"),
  jwks: z
    .looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) })
    .optional()
    .describe("The issuer's public keys"),
  issuer: z.string().optional().describe("Required `iss` claim"),
  audience: z.string().optional().describe("Required `aud` claim"),
});

/** What all documents of a region share. There is one a region. */
export const regionDocument = z.strictObject({
  kind: z.literal("Region"),
  ...header,
  app: name,
  environment: name,
  environmentType: z.string().min(1),
  url: z.url().describe("Base address of the region's endpoints"),
  port: z.int().min(1).max(65_535).optional().describe("Port on loopback; local regions only"),
  trustedProxies: z
    .int()
    .min(0)
    .max(10)
    .optional()
    .describe(
      "Proxies in front of the gateway that append to X-Forwarded-For; the caller's address is what the first of them saw",
    ),
  sessions: sessions.optional(),
});

/** Every document, told apart by `kind`. */
export const anyDocument = z.discriminatedUnion("kind", [
  regionDocument,
  functionDocument,
  routeDocument,
  queueDocument,
  cronDocument,
]) satisfies z.ZodType<Document, DocumentInput>;

/** What is wrong with a document, a sentence each, with the field's path first. */
export class InvalidDocumentError extends Error {
  override readonly name = "InvalidDocumentError";
  constructor(
    readonly where: string,
    readonly problems: readonly string[],
  ) {
    super(`${where}: ${problems.join("; ")}`);
  }
}

/**
 * Checks a document that is about to be written, and fills in its defaults.
 *
 * @param where - Names the document in the error: a file, a ConfigMap, a component.
 * @throws InvalidDocumentError with all problems at once; a field that is not known is one.
 */
export function parseDocument(value: unknown, where: string): Document {
  checkVersion(value, where);
  const result = anyDocument.safeParse(value);
  if (result.success) return result.data;
  throw invalid(where, result.error);
}

/**
 * Checks a document that somebody has written, perhaps a later release, and fills in its defaults. Fields that are not
 * known are left out, and returned by their paths.
 *
 * @param where - As for {@link parseDocument}.
 * @throws InvalidDocumentError with all problems at once.
 */
export function readDocument(value: unknown, where: string): { document: Document; unknownFields: string[] } {
  checkVersion(value, where);
  const unknownFields: string[] = [];
  for (let known = value; ;) {
    const result = anyDocument.safeParse(known);
    if (result.success) return { document: result.data, unknownFields };
    // some checks are of an object as a whole: they are made once it has no unknown fields any more
    const unknown = result.error.issues.filter((issue) => issue.code === "unrecognized_keys");
    if (unknown.length === 0) throw invalid(where, result.error);
    known = structuredClone(known);
    for (const { path, keys } of unknown) {
      const parent = path.reduce<unknown>((object, key) => (object as Record<PropertyKey, unknown>)[key], known);
      for (const key of keys) Reflect.deleteProperty(parent as object, key);
      unknownFields.push(...keys.map((key) => [...path, key].join(".")));
    }
  }
}

function checkVersion(value: unknown, where: string): void {
  const version = (value as { apiVersion?: unknown } | null)?.apiVersion;
  if (typeof version === "string" && version !== API_VERSION)
    throw new InvalidDocumentError(where, [
      `apiVersion: "${version}" is not served by this gateway, which knows "${API_VERSION}"; upgrade the older of the two`,
    ]);
}

function invalid(where: string, { issues }: z.ZodError): InvalidDocumentError {
  const problems = issues.map(({ path, message }) => `${path.join(".") || "document"}: ${message}`);
  return new InvalidDocumentError(where, problems);
}
