/** Every argument that there is; an object of this type has to name them all. */
export type ArgumentNames<Args> = Readonly<Record<keyof Required<Args>, true>>;

/**
 * Arguments that there are not, each with what is wrong with it. One that is misspelt would do nothing, and say nothing:
 * an endpoint would be open to everybody.
 *
 * @param prefix - Put before arguments: `scale.`.
 */
export function problemsWithNames(
  args: object | undefined,
  known: Readonly<Record<string, true>>,
  prefix = "",
): (readonly [argument: string, message: string])[] {
  return Object.keys(args ?? {})
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => [
      prefix + name,
      `there is no such argument; there are ${Object.keys(known)
        .map((each) => `\`${each}\``)
        .join(", ")}`,
    ]);
}
