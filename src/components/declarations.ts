/** Names that a program's components have: a kind and a name → the app that it was declared in. */
const namesOfPrograms = new WeakMap<object, Map<string, string>>();

/** What was declared in an app so far: names that may not be given again. */
export class Declarations {
  private readonly names: Map<string, string>;

  /** @param program - Stands for the program that declares the app. */
  constructor(
    readonly program: object,
    private readonly app: string,
  ) {
    this.names = namesOfPrograms.get(program) ?? new Map<string, string>();
    namesOfPrograms.set(program, this.names);
  }

  /** Takes a name, or says that it is taken: resources are named after it, and those of all apps are one program's. */
  takeName(kind: string, name: string): string | undefined {
    const key = `${kind} "${name}"`;
    const owner = this.names.get(key);
    this.names.set(key, owner ?? this.app);
    if (owner === undefined) return undefined;
    const of = owner === this.app ? "this app" : `app "${owner}", in the same program`;
    return `"${name}" is the name of another ${kind} of ${of}`;
  }
}
