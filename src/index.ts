/**
 * Full-code serverless functions on infrastructure you own, declared with Pulumi.
 *
 * @packageDocumentation
 */
export type { AgencyArgs } from "./components/agency";
export { CronTrigger, type CronTriggerArgs } from "./components/cronTrigger";
export { type EndpointExample, EndpointTrigger, type EndpointTriggerArgs } from "./components/endpointTrigger";
export { Environment, type EnvironmentArgs } from "./components/environment";
export { FullCodeFunction } from "./components/fullCodeFunction";
export type { FullCodeFunctionArgs, FunctionSettings, LimitArgs, ScaleArgs } from "./components/functionArgs";
export { QueueTrigger, type QueueTriggerArgs } from "./components/queueTrigger";
export type { Region } from "./components/region";
export { ServerlessApp, type ServerlessAppArgs, type SessionArgs } from "./components/serverlessApp";
export type { RegionalUrls, TriggerArgs } from "./components/trigger";
export type { Variables } from "./components/variables";
export { dockerImageBuilder, type DockerImageArgs, type DockerImageBuilderOptions } from "./image/dockerImageBuilder";
export type { BuildSecrets, BuiltImage, ImageBuilder, ImageRequest, RegistryCredentials } from "./image/imageBuilder";
export type { StagedContext } from "./image/stagedContext";
export type { EgressRule, EgressTarget } from "./platforms/egress";
export {
  type ExternalNatsArgs,
  type GatewayArgs,
  type HttpRouteArgs,
  type IngressArgs,
  kubernetes,
  type KubernetesArgs,
  type kubernetesObjects,
  type NatsArgs,
  type NatsCredentialsArgs,
  type NetworkPolicyArgs,
  type RegistryCredentialsArgs,
  type ScalingBehavior,
  type ScalingRules,
  type ServiceArgs,
  type Toleration,
} from "./platforms/kubernetes";
export { local, type LocalArgs } from "./platforms/local";
export type {
  Params,
  ParamValue,
  Platform,
  RegionPlace,
  SecretValues,
  Transform,
  TriggerDocument,
} from "./platforms/platform";
export type {
  CronDocument,
  FunctionDocument,
  KeySet,
  QueueDocument,
  RegionDocument,
  RouteDocument,
} from "./spec/documentTypes";
export type { HttpMethod } from "./spec/endpointPath";
export type {
  AgentVersion,
  EndpointFields,
  EndpointRequest,
  FunctionAppInfo,
  FunctionClient,
  FunctionFile,
  FunctionRequest,
  FunctionResponse,
  FunctionSession,
  FunctionTrigger,
  Handler,
} from "./spec/handlerTypes";
