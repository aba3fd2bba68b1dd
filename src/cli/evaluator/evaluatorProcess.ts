/** Runs one Pulumi program, in a process of its own: a fresh module cache, and whatever it does ends with it. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

import type * as Pulumi from "@pulumi/pulumi";

import { LOCAL_DOCUMENT_TYPE, LOCAL_SECRET_FILE_TYPE } from "../../platforms/local/localResources";
import { type DeploymentAnswer, type EvaluationRequest, type FromEvaluator, type ToEvaluator } from "./messages";
import { describeProgramError, withConfigAdvice } from "./programErrors";
import { Recorder, UnknownValueError } from "./recorder";

/** A program that leaves a timer or a connection open has still said all that it declares. */
const LINGER_MS = 1_000;

const questions = new Map<string, (answer: DeploymentAnswer) => void>();

process.on("message", (message: ToEvaluator) => {
  if (message.kind === "evaluate") {
    process.channel?.unref();
    evaluate(message);
  } else {
    questions.get(message.urn)?.(message);
    questions.delete(message.urn);
    if (questions.size === 0) process.channel?.unref();
  }
});

function evaluate(request: EvaluationRequest): void {
  const fromProgram = createRequire(request.program);
  let pulumi: typeof Pulumi | undefined;
  const fail = (error: unknown): void => {
    const hidesKind =
      error instanceof UnknownValueError ||
      pulumi?.ResourceError.isInstance(error) === true ||
      pulumi?.RunError.isInstance(error) === true;
    const failure = describeProgramError(error, request.projectFolder, hidesKind);
    answer({ ...failure, message: withConfigAdvice(failure.message, request.project, request.stack) });
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  try {
    pulumi = fromProgram("@pulumi/pulumi") as typeof Pulumi;
  } catch (error) {
    return fail(error);
  }
  run(request, pulumi, fromProgram).catch(fail);
}

async function run(request: EvaluationRequest, pulumi: typeof Pulumi, fromProgram: NodeJS.Require): Promise<void> {
  const types = { document: LOCAL_DOCUMENT_TYPE, secretFile: LOCAL_SECRET_FILE_TYPE };
  const recorder = new Recorder(pulumi, types, askForDeployed);
  pulumi.runtime.setAllConfig(request.config, request.secretKeys);
  await recorder.install(request.project, request.stack);
  const finish = (): void => answer(recorder.result());
  process.once("beforeExit", finish);
  await pulumi.runtime.runInPulumiStack(async () => {
    recorder.watchOutputNames();
    const exported = request.module
      ? defaultOrAll((await import(pathToFileURL(request.program).href)) as Record<string, unknown>)
      : (fromProgram(request.program) as unknown);
    return (typeof exported === "function" ? (exported as () => unknown)() : exported) as Pulumi.Inputs;
  });
  setTimeout(() => void pulumi.runtime.disconnect().then(finish), LINGER_MS).unref();
}

function defaultOrAll(exported: Record<string, unknown>): unknown {
  return "default" in exported ? exported.default : exported;
}

function askForDeployed(urn: string): Promise<DeploymentAnswer> {
  process.channel?.ref();
  return new Promise((resolve) => {
    questions.set(urn, resolve);
    send({ kind: "deployed?", urn });
  });
}

/** Sends what there is to say last, and ends. */
function answer(message: FromEvaluator): void {
  process.removeAllListeners("beforeExit");
  process.channel?.ref();
  send(message, () => process.exit());
}

function send(message: FromEvaluator, sent: () => void = () => undefined): void {
  process.send?.(message, sent);
}
