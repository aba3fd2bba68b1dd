/** A resource as a program registers it, its secrets unwrapped. */
export interface Registration {
  urn: string;
  type: string;
  name: string;
  inputs: Properties;
  /** Inputs of the provider it names, nothing for the default one. */
  provider: Properties;
}

export type Properties = Record<string, unknown>;

/** A resource that has been made. */
export interface ResourceState extends Registration {
  id: string;
  outputs: Properties;
  /** URNs of what was there before it: parent, provider, and resources whose outputs it took. */
  dependencies: readonly string[];
  retainOnDelete: boolean;
  /** Whether it became what it should be. */
  isReady: boolean;
}

export type Made = Pick<ResourceState, "id" | "outputs">;

export type Difference = "same" | "update" | "replace" | "delete, then create";

/** Makes the resources of one package. */
export interface ResourceMaker {
  create(registration: Registration): Promise<Made>;
  /** What a registration means for what was made from an earlier one. */
  compare(old: ResourceState, registration: Registration): Difference;
  update(old: ResourceState, registration: Registration): Promise<Made>;
  delete(old: ResourceState): Promise<void>;
  /** Whether deleting one of the others deletes it as well. */
  goesWith?(state: ResourceState, others: readonly ResourceState[]): boolean;
  /** What exists already, by its id. */
  read(registration: Registration, id: string): Promise<Made>;
}

/** A resource was made, and is not what it should be. */
export class UnreadyError extends Error {
  constructor(
    message: string,
    readonly made: Made,
  ) {
    super(message);
  }
}
