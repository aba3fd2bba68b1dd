import { parseArgs } from "node:util";

const USAGE = `npm run bench -- [--quick] [--only <suite>,…] [--peers] [--cluster]

  --quick    fewer requests and pairs: minutes become one, figures become rougher
  --only     run these suites only
  --peers    also run the peers that have to be downloaded first (cargo-lambda, by pip)
  --cluster  run those on a Kubernetes cluster of this machine instead of the others: as root, with Docker and Go`;

/**
 * @param clusterSuites - Those that need a cluster: only where they are asked for.
 * @throws Error for an option or a suite that there is not.
 */
export function parseOptions(args, suites, clusterSuites) {
  const all = [...suites, ...clusterSuites];
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      peers: { type: "boolean", default: false },
      cluster: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const only = values.only?.split(",").map((name) => name.trim()) ?? (values.cluster ? clusterSuites : suites);
  const unknown = only.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`--only: there is no suite ${unknown.join(", ")}; known: ${all.join(", ")}`);
  return { ...values, only, usage: `${USAGE}\n\nSuites: ${all.join(", ")}` };
}
