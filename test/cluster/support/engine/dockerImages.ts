import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { runCommand } from "../command";
import { Limiter } from "./limiter";
import type { Difference, Made, Properties, Registration, ResourceMaker, ResourceState } from "./resourceState";

const BUILD_MS = 15 * 60_000;

/** The arguments of `docker.Image` that are used here. */
interface ImageInputs {
  imageName: string;
  build: { context: string; dockerfile?: string; platform?: string; target?: string; args?: Record<string, string> };
  registry?: { server?: string; username?: string; password?: string };
}

/** Images of @pulumi/docker: built and pushed by the Docker CLI. */
export class DockerImages implements ResourceMaker {
  private readonly builds = new Limiter(2);

  async create({ type, inputs }: Registration): Promise<Made> {
    if (type !== "docker:index/image:Image") throw new Error(`${type} is not known here`);
    const { imageName, build, registry = {} } = imageInputs(inputs);
    const options = Object.entries({ file: build.dockerfile, platform: build.platform, target: build.target })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `--${name}=${value}`);
    for (const [name, value] of Object.entries(build.args ?? {})) options.push(`--build-arg=${name}=${value}`);
    await this.builds.run(() =>
      runCommand("docker", ["build", "--tag", imageName, ...options, build.context], { timeoutMs: BUILD_MS }),
    );
    await withCredentials(registry, (config) => runCommand("docker", [...config, "push", imageName]));
    const digests = JSON.parse(
      await runCommand("docker", ["image", "inspect", "--format={{json .RepoDigests}}", imageName]),
    ) as string[];
    const repository = imageName.replace(/:[^:/]*$/, "");
    const repoDigest = digests.find((each) => each.startsWith(`${repository}@`));
    return {
      id: imageName,
      outputs: { imageName, repoDigest, baseImageName: imageName, registryServer: registry.server },
    };
  }

  compare(old: ResourceState, { inputs }: Registration): Difference {
    return isDeepStrictEqual(old.inputs, inputs) ? "same" : "update";
  }

  update(_old: ResourceState, registration: Registration): Promise<Made> {
    return this.create(registration);
  }

  /** Images stay in their registry. */
  delete(): Promise<void> {
    return Promise.resolve();
  }

  read(): Promise<Made> {
    throw new Error("images are not read");
  }
}

function imageInputs(inputs: Properties): ImageInputs {
  return inputs as unknown as ImageInputs;
}

/** Calls with the options that make the Docker CLI log in, for as long as the call lasts. */
async function withCredentials(
  { server, username, password }: NonNullable<ImageInputs["registry"]>,
  push: (options: string[]) => Promise<string>,
): Promise<void> {
  if (server === undefined || username === undefined || password === undefined) return void (await push([]));
  const folder = await mkdtemp(join(tmpdir(), "fullcode-docker-"));
  try {
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    await writeFile(join(folder, "config.json"), JSON.stringify({ auths: { [server]: { auth } } }), { mode: 0o600 });
    await push(["--config", folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
