import * as pulumi from "@pulumi/pulumi";

import { linkToken } from "../../link/linkToken";
import type { LinkRoots } from "../../spec";
import { loadPackage } from "./packages";

const ROOT_BYTES = 32;

/** One generation of the secret that the identities of a region's functions are made from. */
interface Root {
  generation: number;
  /** Base64. */
  secret: pulumi.Output<string>;
}

/** The secrets that a region's links are verified with: the current one, and while it is rotated the one before it. */
export class LinkRootSecrets {
  private readonly current: Root;
  private readonly previous: Root | undefined;

  /** @param name - Prefix of the resources' names. */
  constructor(
    name: string,
    readonly generation: number,
    parent: pulumi.Resource,
  ) {
    this.previous = generation > 1 ? createRoot(name, generation - 1, parent) : undefined;
    this.current = createRoot(name, generation, parent);
  }

  /** What a gateway verifies links with, as JSON. */
  get json(): pulumi.Output<string> {
    const { current, previous } = this;
    return pulumi
      .secret({ current, ...(previous !== undefined && { previous }) })
      .apply((roots: LinkRoots) => JSON.stringify(roots));
  }

  /** What an instance of a function shows. */
  token(functionName: string): pulumi.Output<string> {
    return this.current.secret.apply((secret) => linkToken(Buffer.from(secret, "base64"), functionName));
  }
}

/** A generation keeps its resource, and so its bytes, when it becomes the previous one. */
function createRoot(name: string, generation: number, parent: pulumi.Resource): Root {
  const { RandomBytes } = loadPackage("@pulumi/random")!;
  const bytes = new RandomBytes(`${name}.link-root-${generation}`, { length: ROOT_BYTES }, { parent });
  return { generation, secret: pulumi.secret(bytes.base64) };
}
