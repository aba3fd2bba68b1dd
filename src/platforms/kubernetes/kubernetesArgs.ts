import type * as pulumi from "@pulumi/pulumi";

import type { ImageBuilder } from "../../image/imageBuilder";
import type { Params } from "../platform";
import type { GatewayArgs, HttpRouteArgs, IngressArgs, ServiceArgs } from "./gatewayArgs";
import type { ExternalNatsArgs, NatsArgs } from "./natsArgs";
import type { NetworkPolicyArgs } from "./networkPolicyArgs";
import type { Transforms } from "./objects";
import type { ScalingBehavior, Toleration } from "./podArgs";

/** What logs in at a registry. */
export interface RegistryCredentialsArgs {
  /** Name of the user or of the robot account. An empty one is an error. */
  username: pulumi.Input<string>;
  /** Password or token, kept as a secret. An empty one is an error. */
  password: pulumi.Input<string>;
}

/** Arguments of {@link kubernetes}. Everything that is wrong with them is one error of the environment. */
export interface KubernetesArgs {
  /**
   * Context of the kubeconfig.
   * @default its current context
   */
  context?: string;
  /**
   * Text or path of a kubeconfig, kept as a secret.
   * @default that of this machine: of $KUBECONFIG the file that has the context, else ~/.kube/config
   */
  kubeconfig?: pulumi.Input<string>;
  /**
   * Says which cluster it is: as long as it stays the same, a changed kubeconfig or context changes no resource.
   * @default the context, else environment and region; none with a `kubeconfig`, of which the provider compares server and
   * authorities: another cluster replaces all resources
   */
  clusterIdentifier?: string;
  /**
   * Parameters of this region, on top of the environment's and the app's: one that is named here has this value.
   * @default the environment's
   */
  params?: Params;

  /**
   * Registry, and path in it, that images are pushed to and pulled from: `registry.example.com/shop`. Each function has
   * a repository below it. A scheme, a tag or a slash at the end are an error.
   */
  registry: string;
  /**
   * What logs in at the registry, both to push from this machine and to pull from the cluster's nodes. Other values change
   * the nodes' Secret and no pod.
   * @default what this machine is logged in with; nodes log in by `pullCredentials`, by `imagePullSecrets` or not at all
   */
  registryCredentials?: RegistryCredentialsArgs;
  /**
   * What the cluster's nodes log in with at the registry. They do so whenever a pod starts on a node without the image, long
   * after a deployment: a token that expires with the job that deploys is of no use to them.
   * @default registryCredentials
   */
  pullCredentials?: RegistryCredentialsArgs;
  /**
   * Names of Secrets of the namespace that nodes log in with as well. They are not made here.
   * @default none
   */
  imagePullSecrets?: readonly string[];
  /**
   * What builds images and pushes them.
   * @default dockerImageBuilder(): the Docker Engine of this machine
   */
  imageBuilder?: ImageBuilder;
  /**
   * Image of Node.js 20.19 or newer with npm: gateways and Node.js functions start from it, the agents of custom runtimes
   * have its Node.js, and dependencies are installed with it.
   * @default "node:22-slim"; for the dependencies of a Node.js function with a `baseImage`, that one
   */
  nodeImage?: string;
  /**
   * Operating system and architecture of the nodes: `linux/amd64`, `linux/arm64`.
   * @default "linux/amd64"
   */
  platform?: string;
  /**
   * Revision of the sources that images are labelled with, such as a commit. Each one makes new images, of unchanged
   * functions too.
   * @default no label
   */
  revision?: string;

  /**
   * Namespace of the region, at most 63 characters. Two regions of one cluster with one namespace are an error.
   * @default "<app>-<environment>"
   */
  namespace?: string;
  /**
   * Whether the namespace is made here, with the pod security level `restricted`. `false` takes one that exists and
   * leaves it as it is.
   * @default true
   */
  createNamespace?: boolean;

  /**
   * Address at which clients reach the endpoints, without a slash at the end.
   * @default that of `ingress` or `httpRoute`, else the Service's: a load balancer's address, or http://gateway.<namespace>.svc
   */
  url?: string;
  /**
   * Publishes the endpoints by an Ingress. Not together with `httpRoute`.
   * @default none
   */
  ingress?: IngressArgs;
  /**
   * Publishes the endpoints by a route of the Gateway API. Not together with `ingress`.
   * @default none
   */
  httpRoute?: HttpRouteArgs;
  /**
   * The Service that clients from outside come by.
   * @default a ClusterIP at port 80
   */
  service?: ServiceArgs;
  /**
   * Proxies in front of the gateway that add to `X-Forwarded-For`, 0 to 10. `req.client.ip` is what the first of them saw. Calls
   * of the Service `gateway` have the address that they came from.
   * @default 1 with `ingress` or `httpRoute`, else 0
   */
  trustedProxies?: number;

  /**
   * The gateway: it takes requests and messages in and hands them to instances.
   * @default two, with 1024 MiB and 0.25 cores each
   */
  gateway?: GatewayArgs;
  /**
   * NATS JetStream, which holds queues and schedules: one of the region's own, or one that exists.
   * @default one server of the region's own
   */
  nats?: NatsArgs | ExternalNatsArgs;

  /**
   * What scales functions. `keda` needs KEDA 2 in the cluster. With `none` a function has `scale.min`
   * instances at all times, at least one.
   * @default "keda"
   */
  autoscaler?: "keda" | "none";
  /**
   * Seconds between KEDA's questions for the load of a function, 1 to 5. Work for a function without instances is told to
   * KEDA at once, whatever the interval.
   * @default 5
   */
  pollingInterval?: number;
  /**
   * How fast functions are scaled between one instance and many.
   * @default Kubernetes' own: up at once, down after five minutes of less load
   */
  scalingBehavior?: ScalingBehavior;

  /**
   * What may connect to what. `false` leaves all connections open, unless somebody else closes them.
   * @default only what the platform needs, and what functions declare by `egress`
   */
  networkPolicies?: NetworkPolicyArgs | false;

  /**
   * Labels that nodes must have to run the region's pods.
   * @default none: all nodes do
   */
  nodeSelector?: Readonly<Record<string, string>>;
  /**
   * Taints of nodes that the region's pods put up with.
   * @default none
   */
  tolerations?: readonly Toleration[];
  /**
   * Affinity of the region's pods, as Kubernetes has it (`nodeAffinity`, `podAffinity`, `podAntiAffinity`).
   * @default none; gateways and NATS servers each prefer nodes without another of their kind (`podAntiAffinity`)
   */
  affinity?: Readonly<Record<string, unknown>>;
  /**
   * PriorityClass of the region's pods.
   * @default none
   */
  priorityClassName?: string;
  /**
   * RuntimeClass of the functions' pods, such as a sandbox's.
   * @default none
   */
  runtimeClassName?: string;

  /**
   * Labels of all objects and pods. Those that the platform sets itself (`fullcode/…`, some of `app.kubernetes.io/`) are an
   * error, and so is what is no label.
   * @default none besides the platform's
   */
  labels?: Readonly<Record<string, string>>;
  /**
   * Annotations of all objects and pods. What is no annotation is an error.
   * @default none besides those of single objects
   */
  annotations?: Readonly<Record<string, string>>;

  /**
   * Generation of the secret that instances show to gateways, from 1. One more makes a new secret; the one before it
   * stays valid until the next. One step up at a time, and never back: gateways know two generations, and refuse running
   * pods that show any other. Take the next step when all functions have been replaced.
   * @default 1
   */
  linkGeneration?: number;

  /**
   * Changes the region's objects before they are registered, by their kind: `{ Deployment: (deployment) => { … } }`.
   * `Provider` changes the arguments of the region's provider.
   * @default they stay as they are
   */
  transform?: Transforms;
}
