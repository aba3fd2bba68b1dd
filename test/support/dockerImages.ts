import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

import { DEFAULT_PLATFORM } from "../../src/image";

const run = promisify(execFile);

/** The builders of a Docker Engine: its first one, and the one that took its place. */
export const BUILDERS = ["legacy", "BuildKit"] as const;
export type Builder = (typeof BUILDERS)[number];

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** The build's network is this machine's, so that a package registry is found wherever the machine finds it. */
const NETWORK = "host";

/** Images that are built by the Docker Engine of this machine, and removed together. */
export class DockerImages {
  private readonly tags: string[] = [];

  /**
   * @param context - Folder.
   * @param buildArgs - Values of the Dockerfile's `ARG`s.
   * @returns The image's tag.
   */
  async build(
    context: string,
    builder: Builder = "legacy",
    buildArgs: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const tag = `fullcode-test/${randomUUID()}`;
    if (builder === "legacy") {
      const env = { ...process.env, DOCKER_BUILDKIT: "0" };
      const given = Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
      const args = ["build", "--network", NETWORK, "--platform", DEFAULT_PLATFORM, "--tag", tag, ...given, context];
      await run("docker", args, { env, maxBuffer: MAX_OUTPUT_BYTES });
    } else {
      await buildByBuildKit(context, tag, buildArgs);
    }
    this.tags.push(tag);
    return tag;
  }

  /** Runs a command in an image, and returns what it prints, or fails with what it says. */
  async run(image: string, [entrypoint, ...args]: readonly string[], options: readonly string[] = []): Promise<string> {
    const command = ["run", "--rm", ...options, "--entrypoint", entrypoint, image, ...args];
    const { stdout } = await docker(...command).catch((error: Error & { stdout: string }) => {
      throw new Error(`${error.message}\n${error.stdout}`);
    });
    return stdout.trim();
  }

  /** Runs a program in an image's Node.js, and returns what it prints, as JSON. */
  async evaluate(image: string, program: string, node: readonly string[] = ["node"]): Promise<unknown> {
    return JSON.parse(await this.run(image, [...node, "-e", program])) as unknown;
  }

  async inspect(image: string): Promise<{ Id: string; RepoDigests: string[]; Config: ImageConfig }> {
    const { stdout } = await docker("image", "inspect", image);
    const [found] = JSON.parse(stdout) as [{ Id: string; RepoDigests: string[]; Config: ImageConfig }];
    return found;
  }

  async tag(image: string, tag: string): Promise<void> {
    await docker("tag", image, tag);
    this.tags.push(tag);
  }

  /** Says whether these bytes are anywhere in an image: in its layers, its configuration or its history. */
  async contains(image: string, bytes: string): Promise<boolean> {
    const save = spawn("docker", ["save", image], { stdio: ["ignore", "pipe", "inherit"] });
    let found = false;
    let tail = Buffer.alloc(0);
    for await (const chunk of save.stdout as AsyncIterable<Buffer>) {
      const joined = Buffer.concat([tail, chunk]);
      found ||= joined.includes(bytes);
      tail = joined.subarray(Math.max(0, joined.length - bytes.length));
    }
    const { stdout } = await docker("history", "--no-trunc", image);
    return found || stdout.includes(bytes);
  }

  async removeAll(): Promise<void> {
    if (this.tags.length > 0) await docker("image", "rm", "--force", ...this.tags.splice(0));
  }
}

interface ImageConfig {
  User: string;
  WorkingDir: string;
  Env: string[];
  Cmd: string[] | null;
  Entrypoint: string[];
  Labels: Record<string, string>;
}

export async function docker(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run("docker", args, { maxBuffer: MAX_OUTPUT_BYTES });
}

/** By the Engine's API: the command needs a plugin for it, which not every machine has. */
async function buildByBuildKit(
  context: string,
  tag: string,
  buildArgs: Readonly<Record<string, string>>,
): Promise<void> {
  const query = new URLSearchParams({ version: "2", t: tag, networkmode: NETWORK, platform: DEFAULT_PLATFORM });
  query.set("buildargs", JSON.stringify(buildArgs));
  const archive = spawn("tar", ["--directory", context, "--create", "."], { stdio: ["ignore", "pipe", "inherit"] });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const socketPath = process.env.DOCKER_HOST?.replace(/^unix:\/\//, "") ?? "/var/run/docker.sock";
    const headers = { "content-type": "application/x-tar" };
    const sent = request({ socketPath, method: "POST", path: `/v1.41/build?${query.toString()}`, headers }, resolve);
    sent.on("error", reject);
    archive.stdout.pipe(sent);
  });
  const output = await text(response);
  if (!output.includes("Successfully tagged")) throw new Error(output.replace(/^.*moby\.buildkit\.trace.*\n/gm, ""));
}
