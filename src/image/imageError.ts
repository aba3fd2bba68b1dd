/** What no image can be made from; the message says what to do. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}
