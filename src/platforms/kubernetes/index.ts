export { kubernetes } from "./kubernetes";
export type { GatewayArgs, HttpRouteArgs, IngressArgs, ServiceArgs } from "./gatewayArgs";
export type { KubernetesArgs, RegistryCredentialsArgs } from "./kubernetesArgs";
export type { ExternalNatsArgs, NatsArgs, NatsCredentialsArgs } from "./natsArgs";
export type { NetworkPolicyArgs } from "./networkPolicyArgs";
export type * as kubernetesObjects from "./objects";
export type { ScalingBehavior, ScalingRules, Toleration } from "./podArgs";
