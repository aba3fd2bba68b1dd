import * as pulumi from "@pulumi/pulumi";

/**
 * Options of a component whose children wait for what it depends on. The engine itself makes only the component wait,
 * which is nothing that is ever deployed.
 */
export function withDependencies(
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.ComponentResourceOptions | undefined {
  const dependsOn = opts?.dependsOn;
  if (dependsOn === undefined) return opts;
  const transformation: pulumi.ResourceTransformation = ({ props, opts: own }) => ({
    props,
    opts: pulumi.mergeOptions(own, { dependsOn }),
  });
  return { ...opts, transformations: [...(opts?.transformations ?? []), transformation] };
}
