export { DEFAULT_BASE_IMAGE, DEFAULT_PLATFORM } from "./baseImages";
export { dockerImageBuilder, type DockerImageArgs, type DockerImageBuilderOptions } from "./dockerImageBuilder";
export type { BuiltImage, ImageBuilder, ImageRequest, RegistryCredentials } from "./imageBuilder";
export type { FunctionContext, StagedContext } from "./stagedContext";
