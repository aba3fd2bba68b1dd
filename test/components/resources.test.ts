import { join, relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import {
  CronTrigger,
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  local,
  QueueTrigger,
  ServerlessApp,
} from "../../src";
import { findProjectFolder } from "../../src/platforms/local/projectFolder";
import { functionDocument } from "../../src/spec";
import { addFile, codeFolder, removeCodeFolders } from "../support/codeFolder";
import { type DeclaredResource, declareProgram, unwrapSecret } from "../support/declareProgram";

const DOCUMENT = "pulumi-nodejs:dynamic/fullcode:Document";
const SECRET_FILE = "pulumi-nodejs:dynamic/fullcode:SecretFile";

let code = "";
beforeEach(() => (code = codeFolder({ "src/index.js": "module.exports = () => {};" })));
afterEach(removeCodeFolders);

function find(resources: DeclaredResource[], type: string, name: string): Record<string, unknown> {
  const found = resources.filter((resource) => resource.type === type && resource.name === name);
  expect(found).toHaveLength(1);
  return found[0].inputs;
}

describe("what is registered", () => {
  test("a trigger is one document a region", async () => {
    const { resources, outputs } = await declareProgram(() => {
      const app = new ServerlessApp("shop", { sessions: { jwksUrl: "https://id.example.com/keys" } });
      const production = new Environment("production", {
        app,
        type: "production",
        regions: { "eu-west": local(), "us-east": local({ port: 4100 }) },
      });
      const orders = new FullCodeFunction("orders", { app, environments: [production], code });
      const endpoint = new EndpointTrigger("get-order", { function: orders, path: "/orders/:id", session: "required" });
      const example = { path: "/orders/17?full=1" };
      new EndpointTrigger("change", { function: orders, method: "PATCH", path: "/orders/:id", example });
      const queue = new QueueTrigger("placed", {
        function: orders,
        queue: "orders",
        maxDeliveries: 2,
        backoff: 3,
        published: true,
        example: { body: { orderId: "17" } },
      });
      const cron = new CronTrigger("nightly", { function: orders, schedule: "0 2 * * *", regions: ["us-east"] });
      return {
        urls: production.urls,
        url: production.url,
        endpointUrls: endpoint.urls,
        endpointUrl: endpoint.url,
        queueName: queue.queueName,
        publishUrls: queue.publishUrls,
        schedule: cron.schedule,
        imageDigest: orders.imageDigest,
      };
    });
    const folder = ".fullcode/dev/production/eu-west";
    const header = { apiVersion: "fullcode/v1", function: "orders" };
    expect(find(resources, DOCUMENT, "get-order.production.eu-west")).toEqual({
      __provider: expect.stringContaining('("fullcode/local-provider")') as string,
      folder,
      file: "route.get-order.json",
      content: {
        ...header,
        kind: "Route",
        name: "get-order",
        method: "GET",
        path: "/orders/:id",
        session: "required",
      },
    });
    expect(find(resources, DOCUMENT, "change.production.eu-west").content).toEqual({
      ...header,
      kind: "Route",
      name: "change",
      method: "PATCH",
      path: "/orders/:id",
      session: "optional",
      example: { path: "/orders/17?full=1" },
    });
    expect(find(resources, DOCUMENT, "placed.production.us-east")).toMatchObject({
      folder: ".fullcode/dev/production/us-east",
      file: "queue.placed.json",
      content: {
        ...header,
        kind: "Queue",
        name: "placed",
        queue: "orders",
        maxDeliveries: 2,
        backoffSeconds: 3,
        published: true,
        example: { body: { orderId: "17" } },
      },
    });
    expect(find(resources, DOCUMENT, "nightly.production.us-east").content).toEqual({
      ...header,
      kind: "Cron",
      name: "nightly",
      schedule: "0 2 * * *",
      timezone: "UTC",
      missed: "skip",
      maxDeliveries: 3,
    });
    expect(resources.filter(({ name }) => name.startsWith("nightly."))).toHaveLength(1);
    expect(find(resources, DOCUMENT, "production.eu-west").content).toEqual({
      apiVersion: "fullcode/v1",
      kind: "Region",
      name: "eu-west",
      app: "shop",
      environment: "production",
      environmentType: "production",
      url: "http://localhost:4001",
      port: 4001,
      sessions: { jwksUrl: "https://id.example.com/keys" },
    });
    expect(outputs).toEqual({
      urls: { "eu-west": "http://localhost:4001", "us-east": "http://localhost:4100" },
      url: "http://localhost:4001",
      endpointUrls: {
        production: { "eu-west": "http://localhost:4001/orders/:id", "us-east": "http://localhost:4100/orders/:id" },
      },
      endpointUrl: "http://localhost:4001/orders/:id",
      queueName: "orders",
      publishUrls: {
        production: {
          "eu-west": "http://localhost:4001/queues/orders",
          "us-east": "http://localhost:4100/queues/orders",
        },
      },
      schedule: "0 2 * * *",
      imageDigest: { production: { "eu-west": undefined, "us-east": undefined } },
    });
  });

  test("a function is a document with its settings, and a region's own on top", async () => {
    const { resources } = await declareProgram(() => {
      const app = new ServerlessApp("shop");
      const regions = { eu: local(), us: local() };
      const production = new Environment("production", { app, type: "production", regions });
      new FullCodeFunction("orders", {
        app,
        environments: [production],
        code,
        timeout: 5,
        scale: { min: 1, idle: 10 },
        regions: { us: { memory: 512, concurrency: 2, scale: { max: 3 }, limits: { heldRequests: 7 } } },
      });
    });
    const eu = find(resources, DOCUMENT, "orders.production.eu").content as Record<string, unknown>;
    expect(eu).toEqual({
      apiVersion: "fullcode/v1",
      kind: "Function",
      name: "orders",
      version: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      runtime: "nodejs",
      code: relative(findProjectFolder(), code),
      timeoutSeconds: 5,
      memoryMiB: 256,
      cpuCores: 0.25,
      concurrency: 16,
      scale: { min: 1, max: 10, idleSeconds: 10 },
      limits: functionDocument.shape.limits.parse(undefined),
    });
    expect(find(resources, DOCUMENT, "orders.production.us").content).toEqual({
      ...eu,
      memoryMiB: 512,
      concurrency: 2,
      scale: { min: 1, max: 3, idleSeconds: 10 },
      limits: { ...(eu.limits as object), heldRequests: 7 },
    });
  });

  test("a file of another folder that an entrypoint in TypeScript imports is part of the function's version", async () => {
    const entrypoint = "src/index.ts";
    const project = codeFolder({ "f/src/index.ts": 'import "../../shared/x";', "shared/x.ts": "export {};" });
    const version = async () => {
      const { resources } = await declareProgram(() => {
        const app = new ServerlessApp("shop");
        const test = new Environment("test", { app, type: "test" });
        new FullCodeFunction("f", { app, environments: [test], code: join(project, "f"), entrypoint });
      });
      return (find(resources, DOCUMENT, "f.test.local").content as { version: string }).version;
    };
    const before = await version();
    expect(await version()).toBe(before);
    addFile(project, "shared/x.ts", "export default 1;");
    expect(await version()).not.toBe(before);
  });

  test("a bootstrap makes a custom runtime, with one invocation at a time", async () => {
    const bootstrap = codeFolder({ bootstrap: { text: "#!/bin/sh\n", mode: 0o755 } });
    const { resources } = await declareProgram(() => {
      const app = new ServerlessApp("shop");
      const test = new Environment("test", { app, type: "test" });
      new FullCodeFunction("loop", { app, environments: [test], code: bootstrap, handler: "index.handler" });
    });
    const expected = { runtime: "custom", concurrency: 1, handler: "index.handler" };
    expect(find(resources, DOCUMENT, "loop.test.local").content).toMatchObject(expected);
  });

  test("parameters and variables are secret files, of the types they were given with", async () => {
    const { resources } = await declareProgram(() => {
      const key = pulumi.secret("s3cret");
      const app = new ServerlessApp("shop", { params: { key, limit: 3, open: true } });
      const test = new Environment("test", { app, type: "test" });
      new FullCodeFunction("a", { app, environments: [test], code, variables: { KEY: key, MODE: "x" } });
      new FullCodeFunction("b", { app, environments: [test], code });
    });
    const params = find(resources, SECRET_FILE, "test.local");
    expect(params).toMatchObject({ folder: ".fullcode/dev/test/local", file: "secrets/params.json" });
    expect(unwrapSecret(params.content)).toEqual({ key: "s3cret", limit: 3, open: true });
    const variables = find(resources, SECRET_FILE, "a.test.local");
    expect(variables.file).toBe("secrets/variables.a.json");
    expect(unwrapSecret(variables.content)).toEqual({ KEY: "s3cret", MODE: "x" });
    expect(resources.filter(({ type }) => type === SECRET_FILE)).toHaveLength(2);
    const documents = resources.filter(({ type }) => type === DOCUMENT);
    expect(JSON.stringify(documents)).not.toContain("s3cret");
  });

  test("a region's parameters are the app's with the environment's and its own on top", async () => {
    const { resources } = await declareProgram(() => {
      const app = new ServerlessApp("shop", {
        params: { currency: "EUR", limit: 3, key: pulumi.secret("s3cret-app") },
      });
      const regions = {
        eu: local(),
        us: local({ params: { currency: "USD", key: pulumi.secret("s3cret-us"), open: pulumi.output(true) } }),
      };
      new Environment("test", { app, type: "test", params: { limit: 5, currency: "CHF" }, regions });
      new Environment("plain", { app, type: "test" });
      const bare = new ServerlessApp("bare");
      const own = { a: local({ params: { only: "here" } }), b: local() };
      new Environment("bare", { app: bare, type: "test", regions: own });
    });
    const params = (name: string) => unwrapSecret(find(resources, SECRET_FILE, name).content);
    expect(params("test.eu")).toEqual({ currency: "CHF", limit: 5, key: "s3cret-app" });
    expect(params("test.us")).toEqual({ currency: "USD", limit: 5, key: "s3cret-us", open: true });
    expect(params("plain.local")).toEqual({ currency: "EUR", limit: 3, key: "s3cret-app" });
    expect(params("bare.a")).toEqual({ only: "here" });
    expect(resources.filter(({ type, name }) => type === SECRET_FILE && name === "bare.b")).toEqual([]);
  });

  test("a custom runtime's user data is in its document, its agency in a secret file", async () => {
    const bootstrap = codeFolder({ bootstrap: { text: "#!/bin/sh\n", mode: 0o755 } });
    const { resources } = await declareProgram(() => {
      const app = new ServerlessApp("shop");
      const test = new Environment("test", { app, type: "test" });
      const loop = { app, environments: [test], code: bootstrap };
      const secretKey = pulumi.secret("s3cret");
      new FullCodeFunction("loop", {
        ...loop,
        userData: "level=3",
        agency: { accessKey: "AK", secretKey, authToken: undefined },
        variables: { MODE: "x" },
        limits: { initSeconds: 5 },
      });
      new FullCodeFunction("plain", { ...loop, agency: {} });
    });
    const document = find(resources, DOCUMENT, "loop.test.local").content as Record<string, unknown>;
    expect(document).toMatchObject({ userData: "level=3", limits: { initSeconds: 5 } });
    expect(JSON.stringify(document)).not.toMatch(/s3cret|AK|agency/);
    const { __provider, content, ...inputs } = find(resources, SECRET_FILE, "loop.test.local.agency");
    expect(__provider).toBeTruthy();
    expect(inputs).toEqual({ folder: ".fullcode/dev/test/local", file: "secrets/agency.loop.json" });
    expect(unwrapSecret(content)).toEqual({ accessKey: "AK", secretKey: "s3cret" });
    expect(resources.filter(({ type }) => type === SECRET_FILE).map(({ name }) => name)).toEqual([
      "loop.test.local",
      "loop.test.local.agency",
    ]);
    expect(find(resources, DOCUMENT, "plain.test.local").content).not.toHaveProperty("userData");
  });

  test("every resource but the stack has a parent, and the same program has the same ports", async () => {
    const program = () => {
      const first = new ServerlessApp("first");
      const second = new ServerlessApp("second");
      const a = new Environment("a", { app: first, type: "test", regions: { x: local(), y: local({ port: 4003 }) } });
      const b = new Environment("b", { app: second, type: "test", regions: { x: local(), y: local() } });
      return { a: a.urls, b: b.urls };
    };
    const runs = [await declareProgram(program), await declareProgram(program)];
    for (const { resources, outputs } of runs) {
      expect(outputs).toEqual({
        a: { x: "http://localhost:4001", y: "http://localhost:4003" },
        b: { x: "http://localhost:4002", y: "http://localhost:4004" },
      });
      expect(resources.filter(({ parent }) => parent === "").map(({ type }) => type)).toEqual(["pulumi:pulumi:Stack"]);
    }
  });
});

describe("transform", () => {
  test("changes each child before it is registered", async () => {
    const { resources } = await declareProgram(() => {
      const app = new ServerlessApp("shop", { params: { a: 1 } });
      const test = new Environment("test", {
        app,
        type: "test",
        regions: { eu: local(), us: local() },
        transform: {
          document: (document, _options, { region }) => {
            if (region === "us") document.url = "https://us.example.com";
          },
          params: (secret) => (secret.values = { a: 2 }),
        },
      });
      const orders = new FullCodeFunction("orders", {
        app,
        environments: [test],
        code,
        variables: { A: "1" },
        transform: {
          document: (document) => (document.timeoutSeconds = 7),
          variables: (secret) => (secret.values = { A: "2" }),
        },
      });
      const transform = { document: (document: { path: string }) => (document.path = "/v2/orders") };
      new EndpointTrigger("list", { function: orders, path: "/orders", transform });
    });
    const content = (name: string) => find(resources, DOCUMENT, name).content;
    expect(content("test.us")).toMatchObject({ url: "https://us.example.com" });
    expect(content("test.eu")).toMatchObject({ url: "http://localhost:4001" });
    expect(content("orders.test.eu")).toMatchObject({ timeoutSeconds: 7 });
    expect(content("list.test.us")).toMatchObject({ path: "/v2/orders" });
    expect(unwrapSecret(find(resources, SECRET_FILE, "test.eu").content)).toEqual({ a: 2 });
    expect(unwrapSecret(find(resources, SECRET_FILE, "orders.test.eu").content)).toEqual({ A: "2" });
  });

  test("changes a region's own document, and not that of another of the same name", async () => {
    const { resources } = await declareProgram(() => {
      const app = new ServerlessApp("shop");
      const environment = (name: string) => new Environment(name, { app, type: "test", regions: { eu: local() } });
      const environments = [environment("production"), environment("staging")];
      const orders = new FullCodeFunction("orders", {
        app,
        environments,
        code,
        transform: {
          document: (document, _options, place) => {
            if (place.environment === "production") document.scale.max = 50;
          },
        },
      });
      const example = { body: { orderId: "17" } };
      new QueueTrigger("placed", {
        function: orders,
        queue: "orders",
        example,
        transform: {
          document: ({ example }, _options, place) => {
            if (place.environment === "production") (example!.body as { orderId: string }).orderId = "18";
          },
        },
      });
    });
    const content = (name: string) => find(resources, DOCUMENT, name).content;
    expect(content("orders.production.eu")).toMatchObject({ scale: { max: 50 } });
    expect(content("orders.staging.eu")).toMatchObject({ scale: { max: 10 } });
    expect(content("placed.production.eu")).toMatchObject({ example: { body: { orderId: "18" } } });
    expect(content("placed.staging.eu")).toMatchObject({ example: { body: { orderId: "17" } } });
  });
});

test("a name is one of the whole program, as those of resources are", async () => {
  const { outputs } = await declareProgram(() => {
    new Environment("production", { app: new ServerlessApp("shop"), type: "test" });
    try {
      new Environment("production", { app: new ServerlessApp("other"), type: "test" });
    } catch (error) {
      return { message: (error as Error).message };
    }
    return {};
  });
  expect(outputs.message).toBe(
    'Environment "production": name: "production" is the name of another Environment of app "shop", in the same program',
  );
});

class Other extends pulumi.CustomResource {}

test("what a component depends on is there before its children", async () => {
  const { resources } = await declareProgram(() => {
    const app = new ServerlessApp("shop");
    const [first, second, third] = ["first", "second", "third"].map((name) => new Other("test:index:Other", name, {}));
    const test = new Environment("test", { app, type: "test" }, { dependsOn: first });
    const orders = new FullCodeFunction("orders", { app, environments: [test], code }, { dependsOn: [second] });
    new EndpointTrigger("list", { function: orders, path: "/orders" }, { dependsOn: pulumi.output([third]) });
  });
  const dependencies = (name: string) =>
    resources.find((resource) => resource.type === DOCUMENT && resource.name === name)!.dependencies;
  const other = (name: string): unknown => expect.stringMatching(new RegExp(`Other::${name}$`));
  expect(dependencies("test.local")).toEqual([other("first")]);
  expect(dependencies("orders.test.local")).toEqual([other("second")]);
  expect(dependencies("list.test.local")).toEqual([other("third")]);
});
