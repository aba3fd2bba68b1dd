export * from "./cluster";
export * from "./documentFiles";
export * from "./documents";
export * from "./endpointPath";
export type * from "./handlerTypes";
export * from "./jsonSchema";
export * as limits from "./limits";
export * from "./names";
export * from "./schedule";
