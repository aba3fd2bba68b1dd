#!/usr/bin/env node
import "./nodeVersion";

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import pc from "picocolors";

import { limits } from "../spec";
import { type ConformanceOptions } from "./commands/conformance";
import { type GetOptions } from "./commands/get";
import { type InvokeOptions } from "./commands/invoke";
import { type LogsOptions } from "./commands/logs";
import { type QueueListOptions, type QueueOptions } from "./commands/queue";
import { type SendOptions } from "./commands/send";
import { errorText, UsageError } from "./errors";
import { terminalText } from "./output/terminalText";
import { problemWithStack } from "./project/stackName";

const USAGE_ERROR = 2;

/** Each command's module is loaded when the command is run: `--help` needs none of them. */
function createProgram(): Command {
  const program = new Command("fullcode")
    .description("Full-code serverless functions on infrastructure you own, declared with Pulumi.")
    .version(packageVersion())
    .showHelpAfterError("(add --help for what is possible)")
    .exitOverride();

  inProject(program.command("dev"))
    .description("run the program's regions on this machine, and again on each change; needs no Pulumi CLI")
    .action(async (options: ProjectOptions) => (await import("./commands/dev.js")).dev(options));

  inProject(program.command("serve"))
    .description("run the regions that `pulumi up` has deployed to this machine")
    .action(async (options: ProjectOptions) => (await import("./commands/serve.js")).serve(options));

  program
    .command("start")
    .description("run one function's folder for testing; all parts of a request are sent in the JSON body")
    .argument("[folder]", "the function's folder", ".")
    .option("--port <port>", "port to listen at", parsePort, limits.START_PORT)
    .option(
      "--entrypoint <file>",
      'file that exports the handler (default: "main" of package.json, else src/index.js, else src/index.ts)',
    )
    .addHelpText(
      "after",
      `\nExample:\n  curl http://localhost:${limits.START_PORT} -d '{"ids": {"orderId": "1"}, "query": {}, "body": {}}'`,
    )
    .action(async (folder: string, options: { port: number; entrypoint?: string }) =>
      (await import("./commands/start.js")).start(folder, options),
    );

  program
    .command("conformance")
    .description("run a custom runtime against the real gateway and check that it does what it has to")
    .argument("<package>", "folder, .zip or .jar with a bootstrap that follows the protocol of the checks")
    .option("--handler <name>", "what the bootstrap reads as RUNTIME_HANDLER")
    .option("--requests <count>", "requests of the check that sends many, one after the other", parseCount, 1_000)
    .option("--idle <seconds>", "time without requests of the check that waits", parseCount, 20)
    .option("--logs", "print what the function logs")
    .option("--json", "print the results as JSON")
    .action(async (code: string, options: ConformanceOptions) =>
      (await import("./commands/conformance.js")).conformance(code, options),
    );

  ofRegion(program.command("invoke"))
    .description("invoke a function of a running region")
    .argument("<function>")
    .option("-d, --data <json>", "parts of the request: ids, query, headers, body, …")
    .option("-f, --file <file>", "read them from a file; - is the standard input")
    .option("--json", "print the whole answer as JSON")
    .addHelpText("after", `\nExample:\n  fullcode invoke orders --data '{"ids": {"orderId": "1"}}'`)
    .action(async (name: string, options: InvokeOptions) =>
      (await import("./commands/invoke.js")).invoke(name, options),
    );

  ofRegion(program.command("send"))
    .description("put a message into a queue of a running region; prints its id once it is kept")
    .argument("<queue>")
    .argument("[message]")
    .option("-f, --file <file>", "read the message from a file; - is the standard input")
    .option("--content-type <type>", "media type of the message (default: JSON where it is, else text)")
    .option("--json", "print the answer as JSON")
    .action(async (queue: string, message: string | undefined, options: SendOptions) =>
      (await import("./commands/send.js")).send(queue, message, options),
    );

  ofRegion(program.command("logs"))
    .description("print the logs of regions")
    .argument("[function]", "of this function only")
    .option("--follow", "go on with what comes; needs a running gateway")
    .option("--since <time>", 'a duration back from now such as "10m", or a time')
    .option("--json", "print a JSON record a line")
    .action(async (name: string | undefined, options: LogsOptions) =>
      (await import("./commands/logs.js")).logs(name, options),
    );

  const queue = program.command("queue").description("look after queues and their dead letters");
  ofRegion(queue.command("list"))
    .description("count the messages of all queues, or list the dead letters of one")
    .argument("[queue]")
    .option("--json", "print JSON")
    .option("--bodies", "print dead letters with their whole bodies, a JSON record a line")
    .action(async (name: string | undefined, options: QueueListOptions) =>
      (await import("./commands/queue.js")).listQueues(name, options),
    );
  for (const [action, description] of [
    ["redrive", "put dead letters back into their queue"],
    ["purge", "delete dead letters"],
  ] as const)
    ofRegion(queue.command(action))
      .description(description)
      .argument("<queue>")
      .argument("[ids...]", "of these messages only")
      .option("--json", "print JSON")
      .action(async (name: string, ids: string[], options: QueueOptions) =>
        (await import("./commands/queue.js")).settleDeadLetters(action, name, ids, options),
      );

  const get = program.command("get").description("show what is built and deployed");
  ofRegion(get.command("builds"))
    .description("list the versions of functions that were served, newest first")
    .argument("[function]")
    .option("--json", "print JSON")
    .action(async (name: string | undefined, options: GetOptions) =>
      (await import("./commands/get.js")).getBuilds(name, options),
    );
  ofRegion(get.command("deployments"))
    .description("list what is deployed now, and how it is")
    .argument("[function]")
    .option("--json", "print JSON")
    .action(async (name: string | undefined, options: GetOptions) =>
      (await import("./commands/get.js")).getDeployments(name, options),
    );
  return program;
}

interface ProjectOptions {
  cwd: string;
  stack: string;
}

function inProject(command: Command): Command {
  return command
    .addOption(
      new Option("-s, --stack <name>", "the Pulumi stack").default("dev").env("FULLCODE_STACK").argParser(parseStack),
    )
    .option("-C, --cwd <folder>", "the project's folder, or one below it", process.cwd());
}

function ofRegion(command: Command): Command {
  return inProject(command)
    .option("-e, --environment <name>", "of this environment only")
    .option("-r, --region <name>", "of this region only")
    .option("--context <name>", "of the cluster of this kubeconfig context; repeat it for several", collect)
    .option("--kubeconfig <file>", "its file (default: those of KUBECONFIG, else ~/.kube/config)")
    .option("-n, --namespace <name>", "of this namespace of the cluster only")
    .option("--app <name>", "of this app only, in clusters with several");
}

function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

function parseStack(name: string): string {
  const problem = problemWithStack(name);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return name;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It is not a whole number from 1 on.");
  return Number(text);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It is not a port.");
  return port;
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(__dirname, "..", "..", "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

async function main(): Promise<void> {
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
      return;
    }
    console.error(`${pc.red("error:")} ${terminalText(errorText(error), process.stderr.isTTY)}`);
    process.exitCode = error instanceof UsageError ? USAGE_ERROR : 1;
  }
}

void main();
