import { limits } from "../../spec";
import type { RegionPlace } from "../platform";

/** Port → `environment/region` that has it, for each program. */
const portsOfPrograms = new WeakMap<object, Map<number, string>>();

/**
 * Takes a port for a region: the one it asks for, else the first free one from 4001 on, in the order of declaration.
 *
 * @param scope - Stands for the program.
 */
export function takePort(scope: object, place: RegionPlace, wanted?: number): { port: number; problem?: string } {
  const owners = portsOf(scope);
  const region = `${place.environment}/${place.region}`;
  if (wanted === undefined) {
    let port = limits.FIRST_LOCAL_REGION_PORT;
    while (owners.has(port)) port += 1;
    owners.set(port, region);
    return { port };
  }
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_535)
    return {
      port: limits.FIRST_LOCAL_REGION_PORT,
      problem: `must be a whole number from 1 to 65535, not ${String(wanted)}`,
    };
  const owner = owners.get(wanted);
  if (owner !== undefined)
    return {
      port: wanted,
      problem: `${wanted} is already the port of region "${owner}"; give one of them another port`,
    };
  owners.set(wanted, region);
  return { port: wanted };
}

function portsOf(scope: object): Map<number, string> {
  const ports = portsOfPrograms.get(scope) ?? new Map<number, string>();
  portsOfPrograms.set(scope, ports);
  return ports;
}
