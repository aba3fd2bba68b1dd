/**
 * The environment of every process under measurement. Nothing else is passed on: NODE_EXTRA_CA_CERTS alone, say, makes
 * the start of any Node.js process several times as long.
 */
export function plainEnvironment() {
  const environment = { NODE_ENV: "production" };
  for (const name of ["PATH", "HOME", "TMPDIR"])
    if (process.env[name] !== undefined) environment[name] = process.env[name];
  return environment;
}
