import type { Properties } from "./resourceState";

/** Inputs of a resource that exists, with those as they were whose changes it ignores. Paths are names joined by dots. */
export function keepIgnored(inputs: Properties, old: Properties, paths: readonly string[]): Properties {
  return paths.reduce((kept, path) => keep(kept, old, path.split(".")), inputs);
}

function keep(inputs: Properties, old: Properties, [name, ...rest]: string[]): Properties {
  if (rest.length > 0)
    return { ...inputs, [name]: keep((inputs[name] ?? {}) as Properties, (old[name] ?? {}) as Properties, rest) };
  const { [name]: _, ...others } = inputs;
  return name in old ? { ...others, [name]: old[name] } : others;
}
