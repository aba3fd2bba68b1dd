import { type Check, type CheckContext, CHECKS } from "./checks";
import { type ConformanceRegion } from "./conformanceRegion";
import { type Ability, askAbilities } from "./protocol";

export interface CheckResult {
  check: string;
  result: "passed" | "failed" | "skipped";
  /** Milliseconds; 0 for what was skipped. */
  durationMs: number;
  /** What else there is to say: why it failed or was skipped. */
  detail: string;
}

/**
 * Runs all checks, one after the other.
 *
 * @param onResult - Called with each result as it is there.
 */
export async function runChecks(
  region: ConformanceRegion,
  settings: Pick<CheckContext, "requests" | "idleSeconds">,
  onResult: (result: CheckResult) => void,
): Promise<void> {
  let abilities: ReadonlySet<Ability> | undefined;
  onResult(
    await measure("start", async () => {
      abilities = await askAbilities(region);
      if (abilities.size === 0) return "does not know the protocol of the checks";
      return `can ${[...abilities].join(", ")}`;
    }),
  );
  for (const check of CHECKS) {
    const reason = abilities === undefined ? "the function does not start" : reasonToSkip(check, abilities);
    if (reason !== undefined) onResult({ check: check.name, result: "skipped", durationMs: 0, detail: reason });
    else
      onResult(
        await measure(check.name, () => check.run({ region, can: (each) => abilities!.has(each), ...settings })),
      );
  }
}

function reasonToSkip({ needs }: Check, abilities: ReadonlySet<Ability>): string | undefined {
  const missing = needs.filter((ability) => !abilities.has(ability));
  if (missing.length === 0) return undefined;
  return `the function does not say that it can ${missing.map((ability) => `"${ability}"`).join(" and ")}`;
}

async function measure(check: string, run: () => Promise<string>): Promise<CheckResult> {
  const start = performance.now();
  const since = () => Math.round(performance.now() - start);
  try {
    const detail = await run();
    return { check, result: "passed", durationMs: since(), detail };
  } catch (error) {
    return { check, result: "failed", durationMs: since(), detail: (error as Error).message };
  }
}
