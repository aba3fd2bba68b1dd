import { fork } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Readable } from "node:stream";

import { bundleProgram } from "../../code/bundle";
import { EVALUATION_VARIABLE } from "../../platforms/evaluation";
import { LOCAL_FOLDER } from "../../platforms/local/localFiles";
import { CliError } from "../errors";
import { type LastDeployment, readLastDeployment } from "../project/lastDeployment";
import { type Project } from "../project/project";
import { readStackConfig } from "../project/stackConfig";
import { type DeploymentAnswer, type EvaluationRequest, type EvaluationResult, type FromEvaluator } from "./messages";

/** What a program has declared, and what it was made from. */
export interface Evaluation extends Omit<EvaluationResult, "kind"> {
  /** The program's own files. */
  sources: string[];
  warnings: string[];
}

export interface EvaluateOptions {
  project: Project;
  stack: string;
  /** Receives each line that the program prints. */
  onOutput?: (line: string) => void;
  /** Receives the program's own files as soon as they are known, also when the evaluation fails afterwards. */
  onSources?: (files: string[]) => void;
  /** Ends the evaluation. */
  signal?: AbortSignal;
  /**
   * The file that runs programs.
   * @default evaluatorProcess.js beside this one
   */
  evaluator?: string;
}

/** The SDK marks what it logs without an engine by where that is from, which says nothing to the program's author. */
const SDK_MARK = /^((?:debug|info|warning|error): )\[runtime\] /;

/** A program that cannot be evaluated. The message says what and where. */
export class ProgramError extends CliError {}

/**
 * Runs a Pulumi program without the Pulumi engine and returns the files of its local regions. Changes nothing.
 *
 * @throws ProgramError when it fails, CliError when its configuration does.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { project, stack } = options;
  const [config, bundle] = await Promise.all([
    readStackConfig(project, stack),
    bundleProgram({
      source: project.program,
      root: project.folder,
      outFolder: join(project.folder, LOCAL_FOLDER, ".cache", stack),
    }),
  ]);
  options.onSources?.(bundle.inputs);
  const result = await runProgram(options, {
    kind: "evaluate",
    program: bundle.file,
    module: bundle.format === "esm",
    projectFolder: project.folder,
    project: project.name,
    stack,
    config: config.values,
    secretKeys: config.secretKeys,
  });
  const { files, outputs, remoteRegions } = result;
  return { files, outputs, remoteRegions, sources: bundle.inputs, warnings: bundle.warnings };
}

function runProgram(options: EvaluateOptions, request: EvaluationRequest): Promise<EvaluationResult> {
  const child = fork(options.evaluator ?? join(__dirname, "evaluatorProcess.js"), {
    cwd: options.project.programFolder,
    execArgv: ["--enable-source-maps"],
    env: {
      ...process.env,
      PULUMI_NODEJS_ROOT_DIRECTORY: options.project.folder,
      [EVALUATION_VARIABLE]: "true",
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    signal: options.signal,
    // a program may take no notice of others
    killSignal: "SIGKILL",
  });
  const deployed = deploymentOf(options);
  for (const stream of [child.stdout, child.stderr]) forwardLines(stream, options.onOutput);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) =>
      reject(new ProgramError(`The program ended the process itself (${signal ?? `exit code ${code}`}).`)),
    );
    child.on("message", (message: FromEvaluator) => {
      if (message.kind === "evaluated") resolve(message);
      else if (message.kind === "failed")
        reject(new ProgramError(message.message + (message.at === undefined ? "" : `\n  at ${message.at}`)));
      else void deployed(message.urn).then((answer) => child.connected && child.send(answer));
    });
    child.send(request);
  });
}

/** The last deployment is read when the first resource of another package is met. */
function deploymentOf({ project, stack }: EvaluateOptions): (urn: string) => Promise<DeploymentAnswer> {
  let reading: Promise<LastDeployment> | undefined;
  return async (urn) => {
    try {
      reading ??= readLastDeployment(project, stack);
      return { kind: "deployed", urn, resource: await (await reading).resource(urn) };
    } catch (error) {
      return { kind: "deployed", urn, problem: (error as Error).message };
    }
  };
}

function forwardLines(stream: Readable | null, onLine: ((line: string) => void) | undefined): void {
  if (stream === null) return;
  createInterface({ input: stream }).on("line", (line) => onLine?.(line.replace(SDK_MARK, "$1")));
}
