import { DEFAULT_BASE_IMAGE, DEFAULT_PLATFORM, requireImages, requirePlatform } from "./baseImages";
import { gatewayDockerfile } from "./dockerfile";
import { imageLabels } from "./imageLabels";
import { gatewayCommand } from "./imageLayout";
import { gatewayFiles, packageVersion } from "./runtimeFiles";
import { stageContext, type StagedContext } from "./stagedContext";

/** Name of the gateway's contexts; no function has it. */
const CONTEXT_NAME = "_gateway";

/** Arguments of {@link stageGatewayImage}. */
export interface GatewayImageArgs {
  /** The project's folder. */
  projectFolder: string;
  stack: string;
  /**
   * What the image starts from; it has `node`, of release 20.19 or newer, on its PATH.
   * @default "node:22-slim"
   */
  baseImage?: string;
  /** @default "linux/amd64" */
  platform?: string;
}

/**
 * Stages what the gateway's image is built from: the installed package.
 *
 * @throws ImageError
 */
export function stageGatewayImage(args: GatewayImageArgs): StagedContext {
  const { projectFolder, stack, baseImage = DEFAULT_BASE_IMAGE, platform = DEFAULT_PLATFORM } = args;
  requireImages(baseImage);
  requirePlatform(platform);
  const context = stageContext({
    projectFolder,
    stack,
    name: CONTEXT_NAME,
    platform,
    files: gatewayFiles(),
    dockerfile: (hash) =>
      gatewayDockerfile({
        baseImage,
        labels: imageLabels({ title: "fullcode-gateway", version: packageVersion(), baseImage, hash }),
        command: gatewayCommand(),
      }),
  });
  return { ...context, secrets: [], warnings: [] };
}
