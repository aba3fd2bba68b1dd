/** Variable of the process in which `fullcode dev` evaluates a program: `true`. */
export const EVALUATION_VARIABLE = "FULLCODE_EVALUATION";

/** Says whether the program is evaluated for its local regions only: nothing of others will be deployed. */
export function isEvaluation(): boolean {
  return process.env[EVALUATION_VARIABLE] === "true";
}
