/** Arguments of a region's gateway. */
export interface GatewayArgs {
  /**
   * Gateways, 1 to 100. With one, its restart interrupts the region.
   * @default 2
   */
  replicas?: number;
  /**
   * Image to run, in place of one that is built from this package. It must be of the same release.
   * @default built and pushed to the registry
   */
  image?: string;
  /**
   * Memory of one gateway in MiB, at least 256. Held requests are part of it.
   * @default 1024
   */
  memory?: number;
  /**
   * CPU share of one gateway in cores, 0.01 to 256. It may take more while the node has more.
   * @default 0.25
   */
  cpu?: number;
}

/**
 * Arguments of an Ingress (networking.k8s.io/v1).
 *
 * It publishes the endpoints, and queues whose trigger has `published`.
 */
export interface IngressArgs {
  /** Name that clients use: `shop.example.com`. */
  host: string;
  /**
   * IngressClass.
   * @default the cluster's default class
   */
  className?: string;
  /**
   * Secret of the namespace with certificate and key. It is not made here, but may be by a tool that an annotation calls.
   * @default none: the address is http://<host>, unless `url` says otherwise
   */
  tlsSecret?: string;
  /**
   * Annotations of the Ingress. Those that let ingress-nginx pass large bodies, long requests and streams are there already.
   * @default none besides
   */
  annotations?: Readonly<Record<string, string>>;
}

/**
 * Arguments of an HTTPRoute (gateway.networking.k8s.io/v1).
 *
 * It publishes the endpoints, and queues whose trigger has `published`.
 */
export interface HttpRouteArgs {
  /** Name that clients use: `shop.example.com`. The address is https://<host>, unless `url` says otherwise. */
  host: string;
  /** The Gateway that the route is attached to. It is not made here. */
  gateway: {
    /** Name of the Gateway. */
    name: string;
    /**
     * Namespace of the Gateway.
     * @default the region's namespace
     */
    namespace?: string;
    /**
     * The Gateway's listener.
     * @default all that admit the host
     */
    sectionName?: string;
  };
}

/**
 * Arguments of the Service that clients from outside come by. Whoever reaches it reaches the endpoints, and queues whose
 * trigger has `published`.
 */
export interface ServiceArgs {
  /**
   * Who reaches it: the cluster, a load balancer's clients, or those of each node.
   * @default "ClusterIP"
   */
  type?: "ClusterIP" | "LoadBalancer" | "NodePort";
  /**
   * Its port, 1 to 65535.
   * @default 80
   */
  port?: number;
  /**
   * Which nodes take connections from outside: `Local` those with a gateway, so that the client's address arrives
   * (`req.client.ip`), `Cluster` all of them, in the node's name. An error with `type: "ClusterIP"`.
   * @default "Local" for a LoadBalancer, else the cluster's own
   */
  externalTrafficPolicy?: "Local" | "Cluster";
  /**
   * Annotations of the Service, such as those that a cloud's load balancers read.
   * @default none besides those that tell Pulumi what to wait for
   */
  annotations?: Readonly<Record<string, string>>;
}
