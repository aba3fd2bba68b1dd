import * as pulumi from "@pulumi/pulumi";

/** Whether a value is known only once something is deployed. */
export function isLater(value: unknown): boolean {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}
