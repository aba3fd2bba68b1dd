export interface NatsServers {
  /** `host:port`, as the library wants them. */
  servers: string[];
  user?: string;
  password?: string;
  tls: boolean;
}

/**
 * Reads `nats://user:password@host:port`, several separated by commas. User and password are those of the first that has
 * them.
 *
 * @throws Error that says what is wrong, without repeating a password.
 */
export function natsServers(url: string): NatsServers {
  const parts = url.split(",").map((part) => part.trim());
  const parsed = parts.map(parse);
  const schemes = new Set(parsed.map(({ protocol }) => protocol));
  if (schemes.size > 1) throw new Error("servers with nats:// and with tls:// cannot be mixed");
  const withUser = parsed.find(({ username }) => username !== "");
  return {
    servers: parsed.map(({ host }) => host),
    ...(withUser && {
      user: decodeURIComponent(withUser.username),
      password: decodeURIComponent(withUser.password),
    }),
    tls: schemes.has("tls:"),
  };
}

function parse(part: string): URL {
  const text = part.includes("://") ? part : `nats://${part}`;
  const shown = text.replace(/\/\/[^@]*@/, "//…@");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") throw new Error(`"${shown}" is not of the form nats://host:port`);
  if (url.protocol !== "nats:" && url.protocol !== "tls:")
    throw new Error(`"${shown}" must begin with nats:// or tls://`);
  return url;
}
