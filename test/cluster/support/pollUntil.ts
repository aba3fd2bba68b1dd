/** Resolves when the condition holds. Asks four times a second: most conditions here are a process each. */
export async function pollUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 120_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain: ${description}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
