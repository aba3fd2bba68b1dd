import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";

import { type RegionDocument } from "../../spec";
import { GatewayError } from "../invocations/gatewayError";
import { parseUserAgent, type ParsedUserAgent } from "./client";
import { IssuerKeys } from "./issuerKeys";
import { keysOf } from "./keySet";
import { RecentValues } from "./recentValues";

/** A verified token is not verified again for this long, or until it expires. */
const CACHE_MS = 60_000;
const GENERATION = 5_000;
/** Longer tokens are refused unread. */
const MAX_TOKEN_CHARACTERS = 8_192;
/** Clocks of the issuer and of this machine may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** The last second that a Date can have. */
const MAX_SECONDS = 8.64e12;
/** Signatures by a public key only: with a shared secret every verifier could sign. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** The `session` of a request. */
export interface Session {
  userId: string;
  token: string;
  creationDtm: string;
  userAgent: ParsedUserAgent;
  accessGroupKeys: string[];
}

interface Verified {
  payload: JWTPayload;
  until: number;
}

/** Verifies the session tokens (JSON Web Tokens) of one region. */
export class SessionVerifier {
  private readonly key: JWTVerifyGetKey;
  private readonly verified = new RecentValues<Verified>(GENERATION);

  /** @param onNote - Told what the gateway's log should say of the issuer. */
  constructor(
    readonly settings: NonNullable<RegionDocument["sessions"]>,
    onNote: (level: "info" | "warn", message: string) => void,
  ) {
    this.key =
      settings.jwksUrl !== undefined
        ? new IssuerKeys(new URL(settings.jwksUrl), onNote).find
        : keysOf(settings.jwks ?? { keys: [] });
  }

  /**
   * The session of a token.
   *
   * @throws GatewayError 401 for a token that is not valid, 503 when the issuer's keys cannot be had.
   */
  async verify(token: string, userAgent: string): Promise<Session> {
    const payload = await this.payloadOf(token);
    const { sub: userId, iat = 0 } = payload as { sub: unknown; iat?: unknown };
    if (typeof userId !== "string") throw invalid('its claim "sub" is no text');
    if (typeof iat !== "number" || !(Math.abs(iat) <= MAX_SECONDS)) throw invalid('its claim "iat" is no time');
    const groups = payload.accessGroupKeys ?? payload.groups;
    return {
      userId,
      token,
      creationDtm: new Date(iat * 1000).toISOString(),
      userAgent: parseUserAgent(userAgent),
      accessGroupKeys: Array.isArray(groups) ? groups.filter((each): each is string => typeof each === "string") : [],
    };
  }

  private async payloadOf(token: string): Promise<JWTPayload> {
    const known = this.verified.get(token);
    if (known !== undefined && known.until > Date.now()) return known.payload;
    this.verified.delete(token);
    if (token.length > MAX_TOKEN_CHARACTERS) throw invalid("it is too long");
    try {
      const { payload } = await jwtVerify(token, this.key, {
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ["sub", "exp"],
        ...(this.settings.issuer === undefined ? {} : { issuer: this.settings.issuer }),
        ...(this.settings.audience === undefined ? {} : { audience: this.settings.audience }),
      });
      this.verified.set(token, { payload, until: Math.min(Date.now() + CACHE_MS, payload.exp! * 1000) });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw invalid("it has expired");
      if (error instanceof errors.JWTClaimValidationFailed) throw invalid(`its claim "${error.claim}" is not accepted`);
      // also what is none of jose's errors about a token, such as an RSA key that is too short to be trusted
      if (!(error instanceof errors.JOSEError))
        throw new GatewayError(503, "SessionKeysUnavailable", "the issuer's keys cannot be had at the moment", 5);
      throw invalid("it was not signed by the app's issuer");
    }
  }
}

function invalid(reason: string): GatewayError {
  return new GatewayError(401, "InvalidSession", `the session token is not valid: ${reason}`);
}

/** The token of a request: `Authorization: Bearer …`, or the `Session` header. */
export function sessionToken(headers: NodeJS.Dict<string | string[]>): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec((headers.authorization as string | undefined) ?? "");
  if (bearer !== null) return bearer[1];
  const { session } = headers;
  return typeof session === "string" && session !== "" ? session : undefined;
}
