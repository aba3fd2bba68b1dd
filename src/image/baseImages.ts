import { ImageError } from "./imageError";

/** What images start from, unless something else is asked for: Node.js on a small Debian. */
export const DEFAULT_BASE_IMAGE = "node:22-slim";
/** What images are built for, unless something else is asked for; never what the machine that builds happens to be. */
export const DEFAULT_PLATFORM = "linux/amd64";

/** `host:port/path/name:tag@digest`, all but the name optional. */
const IMAGE = /^[a-z0-9][\w.-]*(?::[0-9]+)?(?:\/[a-z0-9][\w.-]*)*(?::\w[\w.-]*)?(?:@[a-z0-9]+:[0-9a-f]{32,})?$/i;
const PLATFORM = /^[a-z0-9]+\/[a-z0-9]+(?:\/[a-z0-9]+)?$/;

/** @throws ImageError for what is not the name of an image. */
export function requireImages(...images: readonly string[]): void {
  for (const image of images)
    if (!IMAGE.test(image))
      throw new ImageError(
        `"${image}" is not the name of an image, such as "${DEFAULT_BASE_IMAGE}" or "registry.example.com/base/jre:21"`,
      );
}

/** @throws ImageError for what is not the name of a platform. */
export function requirePlatform(platform: string): void {
  if (!PLATFORM.test(platform))
    throw new ImageError(
      `"${platform}" is not an operating system and an architecture, such as "${DEFAULT_PLATFORM}" or "linux/arm64"`,
    );
}
