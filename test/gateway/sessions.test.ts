import { createHmac } from "node:crypto";

import { exportJWK, generateKeyPair, type JWK, type KeyLike, type JWTPayload, SignJWT } from "jose";

import { testGateways } from "../support/testGateway";

const gateways = testGateways();

const AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0";
let key: KeyLike;
let jwk: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair("ES256");
  key = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: "key-1", alg: "ES256" };
});

const start = (
  sessions: object | undefined = { jwks: { keys: [jwk] }, issuer: "https://id.example.com", audience: "shop" },
) =>
  gateways.start({
    functions: { f: "module.exports = (req, res) => res.json(req.session ?? null);" },
    routes: {
      none: { session: "none" },
      optional: { session: "optional" },
      required: { session: "required" },
    },
    ...(sessions === undefined ? {} : { region: { sessions: sessions } }),
  });

function token(claims: Record<string, unknown> = {}, { issuer = "https://id.example.com", expires = "1h" } = {}) {
  return new SignJWT({ accessGroupKeys: ["admins", 7], ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "key-1" })
    .setSubject("user-1")
    .setIssuer(issuer)
    .setAudience("shop")
    .setIssuedAt(1_700_000_000)
    .setExpirationTime(expires)
    .sign(key);
}

const bearer = (value: string) => ({ headers: { authorization: `Bearer ${value}`, "user-agent": AGENT } });

test("a valid token becomes the session of the contract", async () => {
  const gateway = await start();
  const signed = await token();
  const session = {
    userId: "user-1",
    token: signed,
    creationDtm: "2023-11-14T22:13:20.000Z",
    accessGroupKeys: ["admins"],
    userAgent: {
      family: "Firefox",
      major: "127",
      minor: "0",
      patch: expect.any(String) as string,
      device: { family: "Mac", major: "0", minor: "0", patch: "0" },
      os: { family: "Mac OS X", major: "14", minor: "5", patch: expect.any(String) as string },
    },
  };
  expect((await gateway.call("/required", bearer(signed))).json).toMatchObject({
    ...session,
    userAgent: { family: "Firefox", os: { family: "Mac OS X" }, device: {} },
  });
  expect((await gateway.call("/required", { headers: { session: signed } })).json).toMatchObject({ userId: "user-1" });
  expect((await gateway.call("/optional", bearer(signed))).json).toMatchObject({ userId: "user-1" });
  expect((await gateway.call("/none", bearer(signed))).json).toBeNull();
});

test("without a token: 401 where one is required, no session elsewhere", async () => {
  const gateway = await start();
  const answer = await gateway.call("/required");
  expect(answer.status).toBe(401);
  expect(answer.headers["www-authenticate"]).toBe("Bearer");
  expect(answer.json).toMatchObject({ errorType: "SessionRequired" });
  expect((await gateway.call("/optional")).json).toBeNull();
  expect((await gateway.call("/none")).json).toBeNull();
});

test("a token that is not valid is a 401, also where none is required", async () => {
  const gateway = await start();
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: "user-1", iss: "https://id.example.com", aud: "shop", exp: 4_000_000_000 };
  const hmacInput = `${encode({ alg: "HS256", kid: "key-1" })}.${encode(claims)}`;
  const other = await generateKeyPair("ES256");
  const valid = await token();
  const signed = (payload: object) =>
    new SignJWT(payload as JWTPayload).setProtectedHeader({ alg: "ES256", kid: "key-1" }).sign(key);
  const invalid = {
    expired: await token({}, { expires: "-1h" }),
    "of another issuer": await token({}, { issuer: "https://evil.example.com" }),
    "for somebody else": await token({ aud: "other" }).then(() =>
      new SignJWT({})
        .setProtectedHeader({ alg: "ES256", kid: "key-1" })
        .setSubject("u")
        .setIssuer("https://id.example.com")
        .setAudience("other")
        .setExpirationTime("1h")
        .sign(key),
    ),
    "without an end": await new SignJWT({})
      .setProtectedHeader({ alg: "ES256", kid: "key-1" })
      .setSubject("u")
      .setIssuer("https://id.example.com")
      .setAudience("shop")
      .sign(key),
    "for no text": await signed({ ...claims, sub: 7 }),
    "of no time": await signed({ ...claims, iat: 1e300 }),
    "of a time in words": await signed({ ...claims, iat: "yesterday" }),
    unsigned: `${encode({ alg: "none" })}.${encode(claims)}.`,
    "signed with the public key as a secret": `${hmacInput}.${createHmac("sha256", JSON.stringify(jwk)).update(hmacInput).digest("base64url")}`,
    "signed by a stranger": await new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: "key-1" })
      .sign(other.privateKey),
    "changed on its way": valid.replace(/\.[^.]+\./, `.${encode({ ...claims, sub: "admin" })}.`),
    "no token": "abc",
    "very long": "a".repeat(10_000),
  };
  for (const [what, value] of Object.entries(invalid))
    for (const path of ["/required", "/optional"]) {
      const answer = await gateway.call(path, bearer(value));
      expect([what, path, answer.status, answer.headers["www-authenticate"]]).toEqual([what, path, 401, "Bearer"]);
      expect(answer.text).not.toContain(value.slice(0, 40));
    }
  expect((await gateway.call("/none", bearer(invalid.expired))).status).toBe(200);
});

test("keys that the issuer's address does not give are a 503, not a pass", async () => {
  const gateway = await start({ jwksUrl: "http://127.0.0.1:1/keys" });
  const answer = await gateway.call("/required", bearer(await token()));
  expect(answer.status).toBe(503);
  expect(answer.json).toMatchObject({ errorType: "SessionKeysUnavailable" });
});

test("an endpoint that requires a session is closed in a region that verifies none", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.send('open');" },
    routes: { required: { session: "required" }, optional: {} },
  });
  expect((await gateway.call("/required", bearer(await token()))).status).toBe(401);
  expect((await gateway.call("/optional")).text).toBe("open");
});
