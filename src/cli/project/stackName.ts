const STACK_NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/;

/**
 * What is wrong with a stack's name, which is a folder's name below `.fullcode`. Pulumi itself takes names that begin with
 * a dot, too; those are not the folders of stacks here.
 */
export function problemWithStack(name: string): string | undefined {
  if (STACK_NAME.test(name)) return undefined;
  const rule = "A stack's name has 1 to 100 letters, digits, _, - and dots, and does not begin with a dot.";
  const [own, ...before] = name.split("/").reverse();
  // the organization is Pulumi's matter; left out silently, another organization's stack could be meant
  if (before.length > 0 && before.length <= 2 && [own, ...before].every((part) => STACK_NAME.test(part)))
    return `Leave out the organization and the project: "${own}".`;
  return rule;
}
