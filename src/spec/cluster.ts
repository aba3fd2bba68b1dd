import { z } from "zod";

import { API_VERSION } from "./documents";

/** Label of every ConfigMap that holds a document; its value is the document's kind in lower case. */
export const DOCUMENT_LABEL = "fullcode/document";
/** Key of the document's JSON in its ConfigMap. */
export const DOCUMENT_KEY = "document.json";
/** Labels that say what an object belongs to. */
export const APP_LABEL = "app.kubernetes.io/part-of";
export const ENVIRONMENT_LABEL = "fullcode/environment";
export const REGION_LABEL = "fullcode/region";
/** The Pulumi project and stack that an object is of. */
export const STACK_LABEL = "fullcode/stack";
export const FUNCTION_LABEL = "fullcode/function";
export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
/** Value of {@link MANAGED_BY_LABEL}. */
export const MANAGED_BY = "fullcode";

/** Objects that each region's namespace has one of. */
export const GATEWAY_NAME = "gateway";
/** Port of the Service {@link GATEWAY_NAME}. */
export const INSIDE_SERVICE_PORT = 80;
/** Service that an Ingress, an HTTPRoute or a load balancer leads to. */
export const PUBLISHED_SERVICE = "gateway-published";
/** Headless Service that names every gateway replica, ready or not: what instances link to. */
export const LINK_SERVICE = "gateway-links";
/** Service that KEDA asks. */
export const SCALER_SERVICE = "gateway-scaler";
/** Keys of what a function's ScaledObject has KEDA say to the scaler. */
export const SCALER_METADATA = {
  function: "function",
  /**
   * Number of invocations that an instance takes at once. The autoscaler's target is asked for only when the ScaledObject
   * changes, so it must change with the concurrency; and it can be answered before the function's document has come.
   */
  concurrency: "concurrency",
} as const;
/** Secret with the token of the admin API. */
export const ADMIN_SECRET = "gateway-admin";
export const ADMIN_TOKEN_KEY = "token";
export const NATS_NAME = "nats";

/** Name of a function's Deployment. One whose number of pods is fixed has another name than one that KEDA scales. */
export function functionDeploymentName(functionName: string, isScaled: boolean): string {
  return `${isScaled ? "function" : "fixed"}-${functionName}`;
}

/** Name of a document's ConfigMap. */
export function documentConfigMapName({ kind, name }: { kind: string; name: string }): string {
  return kind === "Region" ? "region" : `${kind.toLowerCase()}-${name}`;
}

/** Ports of a gateway's pod. */
export const GATEWAY_PORTS = {
  /** Endpoints and all queues, for those inside the cluster. */
  http: 8080,
  /** Endpoints and those queues that are published, for those outside. */
  published: 8081,
  /** Links of instances. */
  link: 7080,
  /** Admin API, on the pod's loopback only. */
  admin: 7070,
  /** KEDA's external scaler, gRPC; and the loads that replicas ask each other for. */
  scaler: 9090,
  /** Probes and metrics. */
  probe: 9100,
} as const;
/** Port of an instance's probes. */
export const INSTANCE_PROBE_PORT = 9100;
export const NATS_PORT = 4222;

/** Environment variable with a gateway's {@link GatewayConfig} as JSON. */
export const GATEWAY_CONFIG_VARIABLE = "FULLCODE_GATEWAY";
/** Environment variables with the pod's own name and address. */
export const POD_NAME_VARIABLE = "FULLCODE_POD_NAME";
export const POD_IP_VARIABLE = "FULLCODE_POD_IP";

/** Where a gateway's pod has its secrets and its scratch space. */
export const GATEWAY_SECRETS_FOLDER = "/var/run/fullcode/gateway";
export const GATEWAY_STATE_FOLDER = "/state";
/** Files in {@link GATEWAY_SECRETS_FOLDER}. */
export const LINK_ROOTS_FILE = "link-roots.json";
export const ADMIN_TOKEN_FILE = "admin-token";
export const NATS_CREDENTIALS_FILE = "nats.json";

/** Where a function's pod has its secrets. */
export const INSTANCE_SECRETS_FOLDER = "/var/run/fullcode/function";
/** Where an image has the function's code and the runtimes. */
export const IMAGE_CODE_FOLDER = "/function";
export const IMAGE_RUNTIME_FOLDER = "/fullcode/runtime";
export const IMAGE_GATEWAY_FILE = "/fullcode/gateway/main.js";

/** What a gateway's pod is told. Holds no secrets. */
export const gatewayConfig = z.object({
  apiVersion: z.literal(API_VERSION),
  namespace: z.string().min(1),
  app: z.string().min(1),
  environment: z.string().min(1),
  region: z.string().min(1),
  nats: z.object({
    /** `nats://host:port`, several separated by commas. */
    url: z.string().min(1),
    /** Copies of each message, 1 to 5. */
    replicas: z.int().min(1).max(5),
  }),
});

/** What a gateway's pod is told. Holds no secrets. */
export type GatewayConfig = z.infer<typeof gatewayConfig>;

const linkRoot = z.object({ generation: z.int().min(1), secret: z.base64() });

/** Content of {@link LINK_ROOTS_FILE}: what links are verified with. Two while the secret is rotated. */
export const linkRoots = z.object({ current: linkRoot, previous: linkRoot.optional() });
export type LinkRoots = z.infer<typeof linkRoots>;

/** Content of {@link NATS_CREDENTIALS_FILE}; at most one of the three ways. */
export const natsCredentials = z.object({
  user: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  /** Text of a credentials file: a JWT and its seed. */
  creds: z.string().optional(),
  /** Certificate authority of the servers, PEM; without it TLS is what the URL and the system say. */
  ca: z.string().optional(),
});
export type NatsCredentials = z.infer<typeof natsCredentials>;
