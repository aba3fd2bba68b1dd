/** The value of a header in a list of names and values in turn. */
export function headerOf(list: readonly string[], name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) if (list[i].toLowerCase() === name) return list[i + 1];
  return undefined;
}
