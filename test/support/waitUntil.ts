/** Resolves when the condition holds; checks it every few milliseconds and fails with its description after a while. */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${description}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
