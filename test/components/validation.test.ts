import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import {
  CronTrigger,
  type CronTriggerArgs,
  EndpointTrigger,
  type EndpointTriggerArgs,
  Environment,
  FullCodeFunction,
  type FullCodeFunctionArgs,
  local,
  type Params,
  QueueTrigger,
  ServerlessApp,
} from "../../src";
import { requireParams } from "../../src/components/params";
import { RouteTable } from "../../src/components/routeTable";
import { limits } from "../../src/spec";
import type { KeySet } from "../../src/spec/documentTypes";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { useMocks } from "../support/declareProgram";
import { zipFile } from "../support/zipFile";

let code: string;
let app: ServerlessApp;
let production: Environment;
let orders: FullCodeFunction;
let warnings: jest.SpyInstance;

beforeEach(async () => {
  warnings = jest.spyOn(console, "warn").mockImplementation();
  await useMocks();
  code = codeFolder({ "src/index.js": "" });
  app = new ServerlessApp("shop");
  production = new Environment("production", { app, type: "production", regions: { eu: local(), us: local() } });
  orders = new FullCodeFunction("orders", { app, environments: [production], code });
});
afterEach(async () => {
  warnings.mockRestore();
  await pulumi.runtime.disconnect();
  removeCodeFolders();
});

/** The message of the error that the engine prints without a stack. */
function messageOf(construct: () => unknown): string {
  try {
    construct();
  } catch (error) {
    expect(pulumi.ResourceError.isInstance(error)).toBe(true);
    expect((error as pulumi.ResourceError).hideStack).toBe(true);
    return (error as Error).message;
  }
  throw new Error("no error was thrown");
}

const output = pulumi.output("x") as unknown as string;
const endpoint = (name: string, args: Partial<EndpointTriggerArgs>) => () =>
  new EndpointTrigger(name, { function: orders, path: "/x", ...args });
const functionOf = (args: Partial<FullCodeFunctionArgs>) => () =>
  new FullCodeFunction("other", { app, environments: [production], code, ...args });
const cron = (args: Partial<CronTriggerArgs>) => () =>
  new CronTrigger("nightly", { function: orders, schedule: "0 2 * * *", ...args });

describe("ServerlessApp", () => {
  test("reports all problems at once, with the arguments' paths", () => {
    const params = { list: [1], nothing: null, infinite: Infinity, good: "x" } as unknown as Params;
    expect(messageOf(() => new ServerlessApp("My_Shop", { params, sessions: { issuer: "me" } }))).toBe(
      'ServerlessApp "My_Shop": ' +
        'name: "My_Shop" must consist of lower-case letters, digits and dashes, start with a letter and not end with a dash; ' +
        "params.list: must be a string, a number or a boolean, not a list; " +
        "params.nothing: must be a string, a number or a boolean, not null; " +
        "params.infinite: must be a finite number, not Infinity; " +
        "sessions: needs either `jwksUrl` or `jwks`, and not both",
    );
  });

  test("takes keys that verify the tokens of sessions, and no secret ones", () => {
    const jwk = (type: "ec" | "ed25519" | "rsa", options: object = {}) =>
      (generateKeyPairSync as (type: string, options: object) => KeyPairKeyObjectResult)(type, options);
    const publicKey = (...pair: Parameters<typeof jwk>) => jwk(...pair).publicKey.export({ format: "jwk" });
    const secretKey = jwk("ed25519").privateKey.export({ format: "jwk" });
    const [rsa, edwards] = [publicKey("rsa", { modulusLength: 2_048 }), publicKey("ed25519")];
    const sessionsOf = (...keys: object[]) =>
      messageOf(() => new ServerlessApp("shop", { sessions: { jwks: { keys: keys as KeySet["keys"] } } }));
    const path = 'ServerlessApp "shop": sessions.jwks.keys';
    const isSecret = (member: string) => `is secret, by its "${member}": give public keys only, others may read them`;
    expect(sessionsOf(rsa, secretKey, { kty: "oct", k: "c2VjcmV0" })).toBe(
      `${path}[1]: ${isSecret("d")}; sessions.jwks.keys[2]: ${isSecret("k")}`,
    );
    expect(sessionsOf(rsa, { ...secretKey, use: "enc" })).toBe(`${path}[1]: ${isSecret("d")}`);
    expect(sessionsOf({ ...rsa, p: "AQAB" })).toBe(`${path}[0]: ${isSecret("p")}`);
    const unusable = [
      { ...rsa, use: "enc" },
      { kty: "EC", crv: "P-256" },
      publicKey("rsa", { modulusLength: 1_024 }),
      publicKey("ec", { namedCurve: "secp256k1" }),
    ];
    expect(sessionsOf()).toBe(`${path}: has no key that signatures can be verified with`);
    expect(sessionsOf(...unusable)).toBe(
      `${path}: has no key that signatures can be verified with: keys[0] is for another use, keys[1] is no public key, ` +
        "keys[2] has 1024 bits, not 2048, keys[3] is of the kind secp256k1, not RSA, P-256, P-384, P-521 or Ed25519",
    );
    const keys = [...unusable, rsa, edwards] as KeySet["keys"];
    expect(() => new ServerlessApp("keys", { sessions: { jwks: { keys } } })).not.toThrow();
  });

  test("takes no credentials in the address of keys", () => {
    const sessions = { jwksUrl: "https://me:secret@id.example.com/keys" };
    expect(messageOf(() => new ServerlessApp("shop", { sessions }))).toBe(
      'ServerlessApp "shop": sessions.jwksUrl: must not have credentials in it: others may read it',
    );
  });

  test("limits the size of parameters", () => {
    const params = { text: "x".repeat(limits.MAX_PARAMS_BYTES) };
    expect(messageOf(() => new ServerlessApp("big", { params }))).toBe(
      'ServerlessApp "big": params: have 262155 bytes as JSON; at most 262144 are allowed',
    );
  });

  test("takes parameters as a plain object", () => {
    const params = pulumi.output({ a: 1 }) as unknown as Params;
    expect(messageOf(() => new ServerlessApp("late", { params }))).toBe(
      'ServerlessApp "late": params: must be a plain value, not an Output: it is needed before anything is deployed',
    );
  });

  test("checks parameters that are known later in the same way", () => {
    expect(requireParams({ key: "x" }, "", undefined)).toEqual({ key: "x" });
    expect(messageOf(() => requireParams({ key: [1] }, 'ServerlessApp "late"', undefined))).toBe(
      'ServerlessApp "late": params.key: must be a string, a number or a boolean, not a list',
    );
    const region = () => requireParams({ key: [1] }, 'Environment "late"', undefined, "regions.eu.");
    expect(messageOf(region)).toBe(
      'Environment "late": regions.eu.params.key: must be a string, a number or a boolean, not a list',
    );
  });
});

describe("Environment", () => {
  test("bad names, types and ports", () => {
    const regions = { EU: local(), eu: local({ port: 70_000 }) };
    expect(messageOf(() => new Environment("Test", { app, type: "", regions }))).toMatch(
      /^Environment "Test": name: "Test" must consist .*; regions\.EU: "EU" must consist .*; type: .*; regions\.eu\.port: must be a whole number from 1 to 65535, not 70000$/,
    );
  });

  test("parameters of the environment and of its regions", () => {
    const bad = (value: unknown) => ({ key: value }) as Params;
    const regions = { eu: local({ params: bad([1]) }), us: local({ params: pulumi.output({}) as unknown as Params }) };
    const declare = () => new Environment("test", { app, type: "test", params: bad(null), regions });
    expect(messageOf(declare)).toBe(
      'Environment "test": params.key: must be a string, a number or a boolean, not null; ' +
        "regions.eu.params.key: must be a string, a number or a boolean, not a list; " +
        "regions.us.params: must be a plain value, not an Output: it is needed before anything is deployed",
    );
  });

  test("parameters of app, environment and region that are too large together", () => {
    const third = "x".repeat(limits.MAX_PARAMS_BYTES / 3);
    const big = new ServerlessApp("big", { params: { a: third } });
    const regions = { eu: local({ params: { c: third } }), us: local({ params: { b: "small" } }) };
    expect(messageOf(() => new Environment("test", { app: big, type: "test", params: { b: third }, regions }))).toBe(
      'Environment "test": regions.eu.params: have 262165 bytes as JSON; at most 262144 are allowed',
    );
  });

  test("two regions with one port", () => {
    const regions = { a: local({ port: 4001 }) };
    expect(messageOf(() => new Environment("test", { app, type: "test", regions }))).toBe(
      'Environment "test": regions.a.port: 4001 is already the port of region "production/eu"; give one of them another port',
    );
  });

  test("no regions, regions given as an Output, a name given twice", () => {
    expect(messageOf(() => new Environment("test", { app, type: "test", regions: {} }))).toBe(
      'Environment "test": regions: must have at least one region',
    );
    const regions = pulumi.output({}) as unknown as Record<string, never>;
    expect(messageOf(() => new Environment("test-2", { app, type: "test", regions }))).toContain(
      "regions: must be a plain value, not an Output",
    );
    expect(messageOf(() => new Environment("production", { app, type: "test" }))).toBe(
      'Environment "production": name: "production" is the name of another Environment of this app',
    );
  });
});

describe("FullCodeFunction", () => {
  test("limits out of range", () => {
    const message = messageOf(
      functionOf({ timeout: 901, memory: 1, cpu: 0, concurrency: 0, scale: { min: 3, max: 2, idle: 0 } }),
    );
    const named = message
      .replace('FullCodeFunction "other": ', "")
      .split("; ")
      .map((problem) => problem.split(":")[0]);
    expect(named.sort()).toEqual(["concurrency", "cpu", "memory", "scale.idle", "scale.min", "timeout"]);
    const args = { app, environments: [production], code, scale: { min: 20 } };
    expect(messageOf(() => new FullCodeFunction("scaled", args))).toBe(
      'FullCodeFunction "scaled": scale.min: must not be larger than `max`',
    );
  });

  test("code that does not exist, is empty, is no package or is too large", () => {
    expect(messageOf(functionOf({ code: join(code, "nowhere") }))).toBe(
      `FullCodeFunction "other": code: "${join(code, "nowhere")}" does not exist`,
    );
    expect(messageOf(functionOf({ code: codeFolder({}) }))).toContain("has no files");
    expect(messageOf(functionOf({ code: join(code, "src/index.js") }))).toContain(
      "is neither a folder nor a .zip or .jar",
    );
    const large = codeFolder({ a: { text: Buffer.alloc(limits.MAX_CODE_BYTES + 1) } });
    expect(messageOf(functionOf({ code: large }))).toContain("is larger than 50 MiB");
    expect(messageOf(functionOf({ code: output }))).toContain("code: must be a plain value, not an Output");
  });

  test("variables of the platform, bad names and values", () => {
    const variables = { RUNTIME_MEMORY: "1", FULLCODE_X: "1", "1A": "x", OK: 1 as unknown as string };
    expect(messageOf(functionOf({ variables, regions: { us: { variables: { RUNTIME_CPU: "1" } } } }))).toBe(
      'FullCodeFunction "other": ' +
        "variables.RUNTIME_MEMORY: names that start with RUNTIME_ or FULLCODE_ are set by the platform; " +
        "variables.FULLCODE_X: names that start with RUNTIME_ or FULLCODE_ are set by the platform; " +
        "variables.1A: must consist of letters, digits and underscores and not start with a digit; " +
        "variables.OK: must be a string, not number; " +
        "regions.us.variables.RUNTIME_CPU: names that start with RUNTIME_ or FULLCODE_ are set by the platform",
    );
  });

  test("an agency of a Node.js function, unknown credentials, values that no header carries", () => {
    const agency = { accessKey: "a\nb", secretKey: 1, key: "x" } as unknown as FullCodeFunctionArgs["agency"];
    expect(messageOf(functionOf({ agency }))).toBe(
      'FullCodeFunction "other": ' +
        "agency: needs a custom runtime: the credentials are headers of the events that a `bootstrap` gets; " +
        "agency.accessKey: has characters that a header cannot carry, such as a line break; " +
        "agency.secretKey: must be a string, not number; " +
        "agency.key: is no credential; there are accessKey, secretKey, securityToken, authToken",
    );
    expect(messageOf(functionOf({ agency: output as unknown as object, runtime: "custom" }))).toContain(
      "agency: must be a plain value, not an Output",
    );
  });

  test("user data that is too long, an initialisation without time", () => {
    expect(messageOf(functionOf({ userData: "x".repeat(limits.MAX_USER_DATA_BYTES + 1) }))).toBe(
      'FullCodeFunction "other": userData: has more than 32768 bytes',
    );
    expect(messageOf(functionOf({ limits: { initSeconds: 0 } }))).toContain("; limits.initSeconds: ");
  });

  test("settings for an unknown region, and bad ones for a known region", () => {
    expect(messageOf(functionOf({ regions: { mars: {}, us: { timeout: 0 } } }))).toMatch(
      /^FullCodeFunction "other": regions\.mars: there is no region "mars"; there are "eu", "us"; regions\.us\.timeout: [^;]*$/,
    );
  });

  test("an environment of another app, one listed twice, a name given twice", () => {
    const other = new ServerlessApp("other");
    const foreign = new Environment("foreign", { app: other, type: "test" });
    expect(messageOf(functionOf({ environments: [foreign, production, production] }))).toBe(
      'FullCodeFunction "other": environments[0]: environment "foreign" belongs to app "other", the function to "shop"; ' +
        'environments[2]: environment "production" is listed twice',
    );
    expect(messageOf(() => new FullCodeFunction("orders", { app, environments: [], code }))).toContain(
      '"orders" is the name of another FullCodeFunction of this app',
    );
  });

  test.each<[argument: string, construct: () => unknown]>([
    ["app: must be a ServerlessApp, not undefined", () => new Environment("other", { type: "test" } as never)],
    ["app: must be a ServerlessApp, not undefined", () => new Environment("other", undefined as never)],
    ["app: must be a ServerlessApp, not null", functionOf({ app: null as never })],
    [
      "app: must be a ServerlessApp, not a fullcode:index:Environment",
      () => functionOf({ app: production as never })(),
    ],
    ["environments: must be a list of Environments", functionOf({ environments: undefined })],
    ["environments[0]: must be an Environment, not undefined", functionOf({ environments: [undefined as never] })],
    ["function: must be a FullCodeFunction, not undefined", endpoint("other", { function: undefined })],
  ])("a component that is missing: %s", (message, construct) => {
    expect(messageOf(construct)).toContain(message);
  });

  test.each<[argument: string, construct: () => unknown]>([
    ["sessoin", endpoint("other", { sessoin: "required" } as object)],
    ["timeZone", cron({ timeZone: "Europe/Istanbul" } as object)],
    ["maxDelivery", () => new QueueTrigger("other", { function: orders, queue: "q", maxDelivery: 1 } as never)],
    ["timeOut", functionOf({ timeOut: 3 } as object)],
    ["scale.maximum", functionOf({ scale: { maximum: 3 } as object })],
    ["regions.eu.memori", functionOf({ regions: { eu: { memori: 512 } as object } })],
    ["regions.eu.scale.idel", functionOf({ regions: { eu: { scale: { idel: 1 } as object } } })],
    ["parms", () => new ServerlessApp("other", { parms: {} } as never)],
    ["typ", () => new Environment("other", { app, type: "test", typ: "test" } as never)],
    [
      "regions.eu.ports",
      () => new Environment("other", { app, type: "test", regions: { eu: local({ ports: 1 } as never) } }),
    ],
  ])("an argument that there is not: %s", (argument, construct) => {
    expect(messageOf(construct)).toContain(`${argument}: there is no such argument; there are \``);
  });

  test("a body that may come and never be held", () => {
    const requestBytes = 100 * 1024 * 1024;
    const problem = `limits.heldBytes: 67108864 is less than \`limits.requestBytes\`, ${requestBytes}: a body of that size would be refused at all times`;
    expect(messageOf(functionOf({ limits: { requestBytes } }))).toBe(`FullCodeFunction "other": ${problem}`);
    expect(messageOf(functionOf({ regions: { eu: { limits: { requestBytes } } } }))).toContain(
      `; regions.eu.${problem}`,
    );
    const args = { app, environments: [production], code };
    const room = { requestBytes, heldBytes: requestBytes };
    expect(() => new FullCodeFunction("roomy", { ...args, limits: room })).not.toThrow();
  });

  test("a region that is none", () => {
    const regions = { eu: local as never, us: undefined as never };
    expect(messageOf(() => new Environment("other", { app, type: "test", regions }))).toBe(
      'Environment "other": regions.eu: must be local() or kubernetes(), not [Function: local]; ' +
        "regions.us: must be local() or kubernetes(), not undefined",
    );
  });

  test.each(["name", "version", "runtime", "entrypoint"])("a transform that changes the %s", (field) => {
    const transform = { document: (document: object) => Reflect.set(document, field, "custom") };
    expect(messageOf(functionOf({ transform }))).toBe(
      `transform: ${field}: must stay as it is; change it by the component's own arguments`,
    );
  });

  test("more variables than a process can have", () => {
    expect(messageOf(functionOf({ variables: { A: "x".repeat(limits.MAX_VARIABLE_BYTES) } }))).toMatch(
      /^FullCodeFunction "other": variables\.A: has 130049 bytes; at most 130048 are allowed: [^;]*$/,
    );
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`A${i}`, "x".repeat(100_000)]));
    expect(messageOf(functionOf({ variables: many }))).toContain(
      "variables: have 600012 bytes together; at most 524288 are allowed",
    );
  });

  test("a setting of a region that is undefined is the function's own", () => {
    const regions = { eu: { scale: { min: undefined, max: 1 } } };
    expect(messageOf(functionOf({ scale: { min: 2, max: 4 }, regions }))).toContain(
      "regions.eu.scale.min: must not be larger than `max`",
    );
  });

  test("a missing entrypoint is a warning", () => {
    expect(functionOf({ entrypoint: "nowhere.js" })).not.toThrow();
    expect(warnings.mock.calls.join()).toContain(`the entrypoint "nowhere.js" is not in "${code}"`);
  });

  test("an archive without its entrypoint is a warning, which names the folder that everything is in", () => {
    const archive = join(codeFolder({ "app.zip": { text: zipFile([{ name: "orders/src/index.js" }]) } }), "app.zip");
    expect(functionOf({ code: archive })).not.toThrow();
    expect(warnings.mock.calls.join()).toContain(
      `the entrypoint "src/index.js" is not in "${archive}", whose files are all in its folder "orders"`,
    );
  });
});

describe("EndpointTrigger", () => {
  test("reports all problems at once", () => {
    const args = { path: "orders/:id/:id", method: "FETCH" as "GET", session: "required", regions: ["mars"] } as const;
    expect(messageOf(endpoint("Bad", args))).toMatch(
      /^EndpointTrigger "Bad": name: .*; regions\[0\]: there is no region "mars"; there are "eu", "us"; session: "required" needs `sessions` of ServerlessApp "shop"; method: .*; path: "orders\/:id\/:id" must start with "\/"$/,
    );
  });

  test("a path parameter named twice", () => {
    expect(messageOf(endpoint("twice", { path: "/orders/:id/items/:id" }))).toContain(
      'path: the parameter ":id" appears twice in "/orders/:id/items/:id"',
    );
  });

  test("a route that another endpoint has", () => {
    endpoint("get-order", { path: "/orders/:orderId" })();
    expect(messageOf(endpoint("again", { path: "/orders/:id" }))).toBe(
      'EndpointTrigger "again": path: "GET /orders/:id" takes the same requests as EndpointTrigger "get-order" (GET /orders/:orderId)',
    );
    expect(endpoint("post", { path: "/orders/:id", method: "POST" })).not.toThrow();
    expect(endpoint("any", { path: "/orders/:id", method: "ANY" })).not.toThrow();
    expect(endpoint("new", { path: "/orders/new" })).not.toThrow();
  });

  test("one route in two regions is two routes", () => {
    endpoint("eu", { path: "/orders", regions: ["eu"] })();
    expect(endpoint("us", { path: "/orders", regions: ["us"] })).not.toThrow();
  });

  test("a wildcard that others cover can never match, whichever comes first", () => {
    endpoint("one", { path: "/files/:name" })();
    endpoint("rest", { path: "/files/*" })();
    expect(messageOf(endpoint("deep", { path: "/files/:folder/*" }))).toBe(
      'EndpointTrigger "deep": path: "GET /files/*" of EndpointTrigger "rest" (GET /files/*) can never match: ' +
        'EndpointTrigger "one" (GET /files/:name), EndpointTrigger "deep" (GET /files/:folder/*) take all of its requests',
    );
  });

  test("ANY where every method is taken can never match", () => {
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const)
      endpoint(`x-${method.toLowerCase()}`, { method })();
    expect(messageOf(endpoint("x-any", { method: "ANY" }))).toContain('path: "ANY /x" of EndpointTrigger "x-any"');
  });

  test.each<[string, Partial<EndpointTriggerArgs>, string]>([
    ["a path of another form", { path: "/a/:id", example: { path: "/a" } }, 'path: "/a" is not of the form "/a/:id"'],
    ["an empty parameter", { path: "/a/:id", example: { path: "/a/" } }, 'path: "/a/" is not of the form "/a/:id"'],
    ["another literal", { path: "/a/:id", example: { path: "/b/1?x=/a/1" } }, 'path: "/b/1?x=/a/1" is not of the form'],
    ["a wildcard's parent", { path: "/a/*", example: { path: "/a" } }, 'path: "/a" is not of the form "/a/*"'],
    ["a path with a space", { example: { path: "/x?a= b" } }, 'path: "/x?a= b" has characters that a URL cannot have'],
    ["a body of a GET", { example: { body: {} } }, "body: a GET request has no body"],
    ["a body and a form", { method: "PUT", example: { body: 1, form: {} } }, "form: a request has either"],
    ["a body with an Output", { method: "PUT", example: { body: { x: output } } }, "body: must be a JSON value"],
    ["a body with a Date", { method: "PUT", example: { body: [new Date(0)] } }, "body: must be a JSON value"],
    [
      "a field's name",
      { method: "PUT", example: { form: { "a=b": "c" } } },
      "form: has a field whose name is empty or contains =",
    ],
    ["a long one", { method: "PUT", example: { body: "x".repeat(4096) } }, "has more than 4096 bytes as JSON"],
  ])("an example with %s", (_what, args, expected) => {
    const message = messageOf(endpoint("shown", args));
    expect(message).toMatch(/^EndpointTrigger "shown": example[^;]*$/);
    expect(message).toContain(expected);
  });

  test("examples that an endpoint takes", () => {
    for (const [index, path] of ["/a/%20/b/c", "/a/1/b/", "/a/(1)/b/c?d=e&f[]=g".replace("[]", "%5B%5D")].entries())
      expect(
        endpoint(`shown-${index}`, {
          path: `/a/:x/b/*`,
          method: (["GET", "PUT", "ANY"] as const)[index],
          example: { path },
        }),
      ).not.toThrow();
  });

  test("a name given twice", () => {
    endpoint("first", { path: "/a" })();
    expect(messageOf(endpoint("first", { path: "/b" }))).toBe(
      'EndpointTrigger "first": name: "first" is the name of another EndpointTrigger of this app',
    );
  });

  test("a function without environments", () => {
    const nowhere = new FullCodeFunction("nowhere", { app, environments: [], code });
    expect(warnings.mock.calls.join()).toContain("`environments` is empty: the function runs nowhere");
    expect(messageOf(endpoint("lost", { function: nowhere }))).toBe(
      'EndpointTrigger "lost": function: "nowhere" has no environments, so nothing could ever invoke it',
    );
  });
});

test("the check of one more endpoint takes no longer the more there are", () => {
  const routes = new RouteTable();
  const add = (index: number, method: "GET" | "ANY", path: string) =>
    routes.add({
      kind: "Route",
      apiVersion: "fullcode/v1",
      name: `r${index}`,
      function: "f",
      method,
      path,
      session: "none",
    });
  expect(add(0, "GET", "/*")).toBeUndefined();
  const addThousand = (first: number) => {
    const before = process.cpuUsage();
    for (let i = first; i < first + 1_000; i++)
      expect(add(i, i % 2 ? "ANY" : "GET", `/resource-${i}/:id`)).toBeUndefined();
    return process.cpuUsage(before).user;
  };
  const costs = [1, 1_001, 2_001, 3_001, 4_001].map(addThousand);
  // were each checked against all others, the last thousand would cost nine times the first
  expect(costs[4]).toBeLessThan(costs[0] * 5);
});

describe("QueueTrigger", () => {
  test("two on one queue of an environment", () => {
    const staging = new Environment("staging", { app, type: "staging" });
    const elsewhere = new FullCodeFunction("elsewhere", { app, environments: [staging], code });
    new QueueTrigger("placed", { function: orders, queue: "orders" });
    expect(() => new QueueTrigger("staged", { function: elsewhere, queue: "orders" })).not.toThrow();
    expect(messageOf(() => new QueueTrigger("again", { function: orders, queue: "orders" }))).toBe(
      'QueueTrigger "again": queue: "orders" already invokes "orders" by QueueTrigger "placed" in environment "production"; a queue has one trigger',
    );
  });

  test("an example that is no JSON", () => {
    const example = { body: { when: undefined } };
    expect(messageOf(() => new QueueTrigger("shown", { function: orders, queue: "orders", example }))).toMatch(
      /^QueueTrigger "shown": example\.body: must be a JSON value[^;]*$/,
    );
  });

  test("bad names and numbers", () => {
    const args = { function: orders, queue: "Orders!", maxDeliveries: 0, backoff: -1, published: "yes" as never };
    expect(messageOf(() => new QueueTrigger("bad", args))).toMatch(
      /^QueueTrigger "bad": queue: "Orders!" must consist .*; maxDeliveries: .*; backoff: .*; published: .*boolean.*$/,
    );
  });
});

describe("CronTrigger", () => {
  test.each<[string, Partial<CronTriggerArgs>, RegExp]>([
    ["31 February", { schedule: "0 0 31 2 *" }, /schedule: "0 0 31 2 \*" never fires: no date matches it$/],
    ["no schedule", { schedule: "daily" }, /schedule: "daily" has 1 field;/],
    ["a bad field", { schedule: "99 * * * *" }, /schedule: "99 \* \* \* \*" is not a schedule:/],
    ["an Output", { schedule: output }, /schedule: .*string/],
    ["a bad time zone", { timezone: "Mars/Base" }, /timezone: "Mars\/Base" is not a time zone of the IANA database/],
  ])("%s", (_what, args, expected) => {
    expect(messageOf(cron(args))).toMatch(expected);
  });
});
