import { CliError, isExpected } from "./errors";

/**
 * What became of each of several promises.
 *
 * @throws what one of them was rejected with, where that is a defect and no problem that a person can solve.
 */
export async function settle<T>(promises: readonly Promise<T>[]): Promise<{ values: T[]; errors: Error[] }> {
  const outcomes = await Promise.allSettled(promises);
  const reasons = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason as unknown);
  const defect = reasons.find((reason) => !isExpected(reason));
  if (defect !== undefined) throw defect as Error;
  return {
    values: outcomes.filter((outcome) => outcome.status === "fulfilled").map(({ value }) => value),
    errors: reasons.filter(isExpected),
  };
}

/** Several problems as one, a line each. */
export function together(errors: readonly Error[]): CliError {
  return new CliError([...new Set(errors.map(({ message }) => message))].join("\n"));
}
