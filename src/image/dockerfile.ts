import { INSTALL_SETTINGS } from "../code/codeFiles";
import type { Dependencies } from "./dependencies";
import { CODE_FOLDER } from "./functionCode";
import type { BuildSecrets } from "./imageBuilder";
import { IMAGE_CODE_FOLDER, IMAGE_USER, MANIFESTS_FOLDER } from "./imageLayout";
import { NODE_COPY_FILE, RUNTIME_FOLDER } from "./runtimeFiles";

/** Stages have names that no base image has: `FROM` takes the name of a stage for the stage. */
const DEPENDENCIES_STAGE = "fullcode-dependencies";
const NODE_STAGE = "fullcode-node";

/** What an image is made of. */
export interface ImageParts {
  baseImage: string;
  /** What Node.js and npm are taken from. */
  nodeImage: string;
  /** Whether the image has to bring a Node.js of its own. */
  bringsNode: boolean;
  dependencies?: Dependencies;
  /** What the builder gives to the installation of the dependencies. */
  secrets?: BuildSecrets;
  labels: Record<string, string>;
  environment: Record<string, string>;
  command: readonly string[];
}

/**
 * Text of a function's Dockerfile, for the builder of Docker 20.10 and for BuildKit.
 *
 * What changes seldom comes first. The last stage runs no command, so that its base needs no shell.
 */
export function functionDockerfile(parts: ImageParts): string {
  const { baseImage, nodeImage, bringsNode, dependencies, secrets, environment } = parts;
  return lines(
    dependencies !== undefined && installStage(nodeImage, dependencies, secrets),
    bringsNode && nodeStage(nodeImage, baseImage),
    `FROM ${baseImage}`,
    bringsNode && `COPY --from=${NODE_STAGE} /fullcode/ /fullcode/`,
    `COPY ${RUNTIME_FOLDER}/ /fullcode/`,
    `WORKDIR ${IMAGE_CODE_FOLDER}`,
    dependencies !== undefined && copyInstalled(dependencies),
    `COPY ${CODE_FOLDER}/ ${IMAGE_CODE_FOLDER}/`,
    ...Object.entries(environment).map(([name, value]) => `ENV ${name}=${value}`),
    ending(parts),
  );
}

/** Text of the gateway's Dockerfile. */
export function gatewayDockerfile(parts: Pick<ImageParts, "baseImage" | "labels" | "command">): string {
  return lines(`FROM ${parts.baseImage}`, `COPY ${RUNTIME_FOLDER}/ /fullcode/`, `WORKDIR /fullcode`, ending(parts));
}

/**
 * Build arguments are in the history of the stage that declares them, and mounts are in no history: nothing of either gets
 * into the image, which takes files of this stage and is none of its layers.
 */
function installStage(
  nodeImage: string,
  { command, needsCode, variables }: Dependencies,
  secrets: BuildSecrets | undefined,
): string {
  const mounted = secrets?.by === "mount" ? secrets.names : [];
  const mounts = mounted.map((name) => `--mount=type=secret,id=${name} `).join("");
  const before = mounted.map((name) => `export ${name}="$(cat /run/secrets/${name})"`);
  const after = [
    "mkdir -p node_modules",
    needsCode && `rm -rf .yarn ${INSTALL_SETTINGS.join(" ")}`,
    // the user that runs the function owns none of it
    `chmod -R a+rX ${needsCode ? "." : "node_modules"}`,
  ];
  return lines(
    `FROM ${nodeImage} AS ${DEPENDENCIES_STAGE}`,
    "USER 0:0",
    `WORKDIR ${IMAGE_CODE_FOLDER}`,
    "ENV CI=true",
    needsCode && `COPY ${CODE_FOLDER}/ ./`,
    `COPY ${MANIFESTS_FOLDER}/ ./`,
    ...variables.filter((name) => !mounted.includes(name)).map((name) => `ARG ${name}`),
    `RUN ${mounts}${[...before, command, ...after.filter((each) => each !== false)].join(" && ")}`,
    "",
  );
}

function copyInstalled({ needsCode }: Dependencies): string {
  const folder = needsCode ? `${IMAGE_CODE_FOLDER}/` : `${IMAGE_CODE_FOLDER}/node_modules/`;
  return `COPY --from=${DEPENDENCIES_STAGE} ${folder} ${folder}`;
}

/** Where base and Node.js are one image, links take less room than copies. */
function nodeStage(nodeImage: string, baseImage: string): string {
  const file = `/${NODE_COPY_FILE.split("/").pop()}`;
  return lines(
    `FROM ${nodeImage} AS ${NODE_STAGE}`,
    "USER 0:0",
    `COPY ${NODE_COPY_FILE} ${file}`,
    `RUN ${JSON.stringify(["node", file, baseImage === nodeImage ? "link" : "copy"])}`,
    "",
  );
}

function ending({ labels, command }: Pick<ImageParts, "labels" | "command">): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${quote(value)}`);
  return lines(`LABEL ${pairs.join(" \\\n      ")}`, `USER ${IMAGE_USER}`, `ENTRYPOINT ${JSON.stringify(command)}`, "");
}

/** A value as it is: Dockerfiles expand variables in quotes. */
function quote(value: string): string {
  return `"${value.replace(/[\\"$]/g, "\\$&")}"`;
}

function lines(...parts: (string | false)[]): string {
  return parts.filter((part) => part !== false).join("\n");
}
