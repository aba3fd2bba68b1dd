import * as pulumi from "@pulumi/pulumi";

import type { ArgumentNames } from "../platforms/argumentNames";
import type { Params, ParamValue } from "../platforms/platform";
import { problemWithName, regionDocument } from "../spec";
import type { KeySet } from "../spec/documentTypes";
import { Declarations } from "./declarations";
import { withDependencies } from "./dependencies";
import { checkParams, checkParamsSize, resolveParams } from "./params";
import { Problems } from "./problems";
import { problemsWithSessionKeys } from "./sessionKeys";

/** How the session tokens of callers are verified: JSON Web Tokens (RFC 7519). */
export interface SessionArgs {
  /**
   * Address (http or https) of the issuer's key set (RFC 7517). Either this or `jwks` is required, not both. Credentials in
   * it are an error.
   */
  jwksUrl?: string;
  /**
   * The issuer's public keys (RFC 7517), for tokens that are verified without asking the issuer: RSA of 2048 bits or more,
   * P-256, P-384, P-521 or Ed25519.
   */
  jwks?: KeySet;
  /**
   * The `iss` claim that tokens must have.
   * @default any issuer whose key is known
   */
  issuer?: string;
  /**
   * The `aud` claim that tokens must have.
   * @default any audience
   */
  audience?: string;
}

/** Arguments of {@link ServerlessApp}. */
export interface ServerlessAppArgs {
  /**
   * Parameters that every handler receives as `req.appParams`: strings, numbers and booleans, each of the type it has
   * here. They are stored as secrets; at most 256 KiB as JSON, anything else is an error. An environment and a region
   * may have other values.
   * @default none
   */
  params?: Params;
  /**
   * How session tokens of callers are verified. An endpoint with `session: "required"` needs it.
   * @default no sessions
   */
  sessions?: SessionArgs;
}

const NAMES: ArgumentNames<ServerlessAppArgs> = {
  params: true,
  sessions: true,
};

/** An application: functions that share parameters and sessions. */
export class ServerlessApp extends pulumi.ComponentResource {
  /** Name of the app: `req.appInfo.appName`. */
  readonly name: string;
  /** How session tokens are verified. */
  readonly sessions: SessionArgs | undefined;
  /** @internal What was declared in the app so far. */
  readonly declarations: Declarations;
  /** @internal The parameters as they were given. */
  readonly params: Params;
  /** @internal Values of the parameters, a secret. */
  readonly paramValues: pulumi.Output<Record<string, ParamValue>> | undefined;

  /**
   * @param name - Lower-case letters, digits and dashes; at most 53 characters.
   * @throws ResourceError with all problems of the arguments.
   */
  constructor(name: string, args: ServerlessAppArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    const label = `ServerlessApp "${name}"`;
    const problems = new Problems(label);
    problems.checkNames(args, NAMES);
    problems.add("name", problemWithName(name));
    checkParams(args.params, problems);
    checkParamsSize([args.params], problems);
    checkSessions(args.sessions, problems);
    problems.throwIfAny();

    super("fullcode:index:ServerlessApp", name, {}, withDependencies(opts));
    this.name = name;
    this.sessions = args.sessions;
    this.declarations = new Declarations(pulumi.runtime.getStackResource() ?? this, name);
    this.params = args.params ?? {};
    this.paramValues = resolveParams(this.params, label, this);
    this.registerOutputs({ name });
  }
}

function checkSessions(sessions: SessionArgs | undefined, problems: Problems): void {
  if (sessions === undefined) return;
  if ((sessions.jwks === undefined) === (sessions.jwksUrl === undefined))
    problems.add("sessions", "needs either `jwksUrl` or `jwks`, and not both");
  const result = regionDocument.shape.sessions.safeParse(sessions);
  for (const { path, message } of result.error?.issues ?? []) problems.add(["sessions", ...path].join("."), message);
  if (!result.success) return;
  const { username, password } = new URL(sessions.jwksUrl ?? "https://none");
  if (username + password !== "")
    problems.add("sessions.jwksUrl", "must not have credentials in it: others may read it");
  if (sessions.jwks === undefined) return;
  for (const [path, message] of problemsWithSessionKeys(sessions.jwks)) problems.add(`sessions.jwks.${path}`, message);
}
