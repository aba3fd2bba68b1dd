import { requireImages, requirePlatform } from "../image/baseImages";
import { ImageError } from "../image";

/** Says what is wrong with the name of an image, or returns `undefined` for a good one. */
export function problemWithImage(image: unknown): string | undefined {
  return problemOf(() => requireImages(String(image)));
}

/** Says what is wrong with the name of a platform such as `linux/arm64`, or returns `undefined` for a good one. */
export function problemWithPlatform(platform: unknown): string | undefined {
  return problemOf(() => requirePlatform(String(platform)));
}

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof ImageError) return error.message;
    throw error;
  }
}
