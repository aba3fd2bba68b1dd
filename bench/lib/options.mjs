import { parseArgs } from "node:util";

const USAGE = `npm run bench -- [--quick] [--only <suite>,…] [--peers]

  --quick   fewer requests and pairs: minutes become one, figures become rougher
  --only    run these suites only
  --peers   also run the peers that have to be downloaded first (cargo-lambda, by pip)`;

/** @throws Error for an option or a suite that there is not. */
export function parseOptions(args, suites) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: suites.join(",") },
      peers: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const only = values.only.split(",").map((name) => name.trim());
  const unknown = only.filter((name) => !suites.includes(name));
  if (unknown.length > 0)
    throw new Error(`--only: there is no suite ${unknown.join(", ")}; known: ${suites.join(", ")}`);
  return { ...values, only, usage: `${USAGE}\n\nSuites: ${suites.join(", ")}` };
}
