/** What was declared in an app so far: names that may not be given again. */
export class Declarations {
  private readonly names = new Set<string>();

  /** @param program - Stands for the program that declares the app. */
  constructor(readonly program: object) {}

  /** Takes a name, or says that it is taken. */
  takeName(kind: string, name: string): string | undefined {
    const key = `${kind} "${name}"`;
    if (this.names.has(key)) return `"${name}" is the name of another ${kind} of this app`;
    this.names.add(key);
    return undefined;
  }
}
