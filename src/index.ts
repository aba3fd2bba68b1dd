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
export type { Params } from "./components/params";
export { QueueTrigger, type QueueTriggerArgs } from "./components/queueTrigger";
export type { Region } from "./components/region";
export { ServerlessApp, type ServerlessAppArgs, type SessionArgs } from "./components/serverlessApp";
export type { RegionalUrls, TriggerArgs } from "./components/trigger";
export type { Variables } from "./components/variables";
export { local, type LocalArgs } from "./platforms/local";
export type { ParamValue, Platform, RegionPlace, SecretValues, Transform, TriggerDocument } from "./platforms/platform";
export type {
  AgentVersion,
  CronDocument,
  EndpointFields,
  EndpointRequest,
  FunctionAppInfo,
  FunctionClient,
  FunctionDocument,
  FunctionFile,
  FunctionRequest,
  FunctionResponse,
  FunctionSession,
  FunctionTrigger,
  Handler,
  HttpMethod,
  QueueDocument,
  RegionDocument,
  RouteDocument,
} from "./spec";
