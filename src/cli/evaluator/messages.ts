import { type LocalFile } from "../../platforms/local/localFiles";
import { type DeployedResource } from "../project/lastDeployment";

/** What the process that runs a program is asked to do. */
export interface EvaluationRequest {
  kind: "evaluate";
  /** The file to load. */
  program: string;
  /** Whether the file is an ES module. */
  module: boolean;
  projectFolder: string;
  project: string;
  stack: string;
  config: Record<string, string>;
  secretKeys: string[];
}

/** Answer to a {@link DeploymentQuestion}. */
export interface DeploymentAnswer {
  kind: "deployed";
  urn: string;
  resource?: DeployedResource;
  /** Why there is none. */
  problem?: string;
}

/** Asks for the outputs of a resource that is not ours. */
export interface DeploymentQuestion {
  kind: "deployed?";
  urn: string;
}

/** What a program has declared. */
export interface EvaluationResult {
  kind: "evaluated";
  files: LocalFile[];
  /** Stack outputs; secret and unknown ones are replaced by a word. */
  outputs: Record<string, unknown>;
  /** Regions that are on other platforms than this machine. */
  remoteRegions: string[];
}

/** Why a program could not be evaluated. */
export interface EvaluationFailure {
  kind: "failed";
  message: string;
  /** The user's own line: `file:line:column`. */
  at?: string;
}

export type FromEvaluator = DeploymentQuestion | EvaluationResult | EvaluationFailure;
export type ToEvaluator = EvaluationRequest | DeploymentAnswer;
