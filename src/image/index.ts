export { DEFAULT_BASE_IMAGE, DEFAULT_PLATFORM } from "./baseImages";
export { dockerImageBuilder, type DockerImageArgs, type DockerImageBuilderOptions } from "./dockerImageBuilder";
export { type FunctionImageArgs, stageFunctionImage } from "./functionImage";
export { type GatewayImageArgs, stageGatewayImage } from "./gatewayImage";
export type { BuildSecrets, BuiltImage, ImageBuilder, ImageRequest, RegistryCredentials } from "./imageBuilder";
export { ImageError } from "./imageError";
export { gatewayCommand, instanceCommand } from "./imageLayout";
export type { FunctionContext, StagedContext } from "./stagedContext";
