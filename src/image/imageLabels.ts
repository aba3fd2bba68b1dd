import { ImageError } from "./imageError";

/** Hash of all that an image is built from. */
const SOURCE_HASH_LABEL = "fullcode.source-hash";
const REVISION = /^[\w.:/+@-]{1,128}$/;

/** Labels of an image, by the names of the Open Container Initiative where it has some. */
export function imageLabels(image: {
  title: string;
  version: string;
  revision?: string;
  baseImage: string;
  hash: string;
}): Record<string, string> {
  const { title, version, revision, baseImage, hash } = image;
  if (revision !== undefined && !REVISION.test(revision))
    throw new ImageError(`revision: "${revision}" is not a name of a revision, such as the id of a commit`);
  return {
    "org.opencontainers.image.title": title,
    "org.opencontainers.image.version": version,
    ...(revision !== undefined && { "org.opencontainers.image.revision": revision }),
    "org.opencontainers.image.base.name": baseImage,
    [SOURCE_HASH_LABEL]: hash,
  };
}
