import * as pulumi from "@pulumi/pulumi";

import {
  Environment,
  FullCodeFunction,
  type FullCodeFunctionArgs,
  kubernetes,
  type KubernetesArgs,
  local,
  ServerlessApp,
} from "../../src";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { inProjectFolder } from "../support/declareCluster";
import { useMocks } from "../support/declareProgram";

inProjectFolder();
let app: ServerlessApp;
beforeEach(async () => {
  jest.spyOn(console, "log").mockImplementation();
  await useMocks();
  app = new ServerlessApp("shop");
});
afterEach(async () => {
  await pulumi.runtime.disconnect();
  jest.restoreAllMocks();
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

const REGISTRY = "registry.example.com/shop";

/** What is wrong with the arguments of one region. */
function problemsWith(args: object): string[] {
  const regions = { eu: kubernetes({ registry: REGISTRY, ...args }) };
  const message = messageOf(() => new Environment("production", { app, type: "live", regions }));
  expect(message).toMatch(/^Environment "production": /);
  return message
    .slice('Environment "production": '.length)
    .split("; regions.eu")
    .map((each) => each.replace(/^regions\.eu/, ""));
}

describe("kubernetes()", () => {
  test.each<[string, object, string]>([
    [
      "no registry",
      { registry: undefined },
      '.registry: must be the registry that images are pushed to, such as "registry.example.com/shop"',
    ],
    [
      "a scheme",
      { registry: "https://registry.example.com/shop" },
      '.registry: must not have a scheme: "registry.example.com/shop"',
    ],
    [
      "a tag",
      { registry: "registry.example.com/shop:1" },
      '.registry: "registry.example.com/shop:1" must have neither a tag nor a digest: each function gets a repository below it',
    ],
    [
      "a digest",
      { registry: "r.example.com/shop@sha256:00" },
      '.registry: "r.example.com/shop@sha256:00" must have neither a tag nor a digest: each function gets a repository below it',
    ],
    [
      "a slash at the end",
      { registry: "registry.example.com/" },
      '.registry: "registry.example.com/" must not end with "/"',
    ],
    [
      "capitals",
      { registry: "registry.example.com/Shop" },
      '.registry: "registry.example.com/Shop" must be in lower case, as image references are',
    ],
    ["no registry at all", { registry: "a b" }, '.registry: "a b" is no registry such as "registry.example.com/shop"'],
    ["an Ingress that is none", { ingress: null }, ".ingress: must be an object, not null"],
    [
      "an annotation that is no string",
      { ingress: { host: "shop.example.com", annotations: { "a.example.com/b": 1 } } },
      '.ingress.annotations["a.example.com/b"]: must be a string, not 1',
    ],
    [
      "a label of nodes that is no string",
      { nodeSelector: { disks: 2 } },
      '.nodeSelector["disks"]: must be a string, not 2',
    ],
    ["text for a switch", { createNamespace: "false" }, ".createNamespace: must be true or false, not 'false'"],
    [
      "an exception from something else",
      { networkPolicies: { egress: [{ cidr: "10.20.0.0/16", except: ["10.30.0.0/24"] }] } },
      '.networkPolicies.egress[0].except[0]: "10.30.0.0/24" is not within "10.20.0.0/16"',
    ],
    [
      "a port of DNS",
      { networkPolicies: { dnsPorts: [0] } },
      ".networkPolicies.dnsPorts[0]: must be a whole number from 1 to 65535, not 0",
    ],
    [
      "what only load balancers have",
      { service: { externalTrafficPolicy: "Local" } },
      ".service.externalTrafficPolicy: needs `type` LoadBalancer or NodePort",
    ],
    [
      "empty credentials",
      { registryCredentials: { username: "ci", password: "" } },
      ".registryCredentials.password: must be a string that is not empty",
    ],
    [
      "credentials of nodes without a name",
      { pullCredentials: { password: "token" } },
      ".pullCredentials.username: must be a string that is not empty",
    ],
    [
      "a pull secret's name",
      { imagePullSecrets: ["ok", "Not ok"] },
      '.imagePullSecrets[1]: "Not ok" is no name of a Secret',
    ],
    [
      "an image's name",
      { nodeImage: "node 22" },
      '.nodeImage: "node 22" is not the name of an image, such as "node:22-slim" or "registry.example.com/base/jre:21"',
    ],
    [
      "a platform",
      { platform: "arm64" },
      '.platform: "arm64" is not an operating system and an architecture, such as "linux/amd64" or "linux/arm64"',
    ],
    ["a revision", { revision: "" }, ".revision: must be a plain string that is not empty"],
    ["an empty context", { context: "" }, ".context: must be a plain string that is not empty"],
    [
      "a context that is known later",
      { context: pulumi.output("eu") },
      ".context: must be a plain string that is not empty",
    ],
    ["an empty kubeconfig", { kubeconfig: "" }, ".kubeconfig: must be a plain string that is not empty"],
    ["an empty identifier", { clusterIdentifier: "" }, ".clusterIdentifier: must be a plain string that is not empty"],
    [
      "a namespace",
      { namespace: "Shop" },
      '.namespace: "Shop" is no name of a namespace: lower-case letters, digits and dashes, at most 63 characters',
    ],
    [
      "a long namespace",
      { namespace: "n".repeat(64) },
      `.namespace: "${"n".repeat(64)}" is no name of a namespace: lower-case letters, digits and dashes, at most 63 characters`,
    ],
    [
      "an address",
      { url: "shop.example.com" },
      '.url: "shop.example.com" is no address such as "https://shop.example.com"',
    ],
    [
      "an address with a slash",
      { url: "https://shop.example.com/" },
      '.url: "https://shop.example.com/" must not end with "/": paths of endpoints begin with it',
    ],
    [
      "an address with a query",
      { url: "https://shop.example.com?a=1" },
      '.url: "https://shop.example.com?a=1" must have no credentials, query or fragment',
    ],
    [
      "an ingress' host",
      { ingress: { host: "https://shop.example.com" } },
      '.ingress.host: "https://shop.example.com" is no name of a host such as "shop.example.com"',
    ],
    [
      "an ingress' class",
      { ingress: { host: "a.example.com", className: "N G" } },
      ".ingress.className: 'N G' is no name of an IngressClass",
    ],
    [
      "a TLS secret",
      { ingress: { host: "a.example.com", tlsSecret: "" } },
      ".ingress.tlsSecret: '' is no name of a Secret",
    ],
    [
      "a route's host",
      { httpRoute: { host: "10.0.0.1", gateway: { name: "web" } } },
      '.httpRoute.host: "10.0.0.1" is no name of a host such as "shop.example.com"',
    ],
    [
      "a route's gateway",
      { httpRoute: { host: "a.example.com", gateway: { name: "" } } },
      '.httpRoute.gateway.name: "" is no name of a Gateway',
    ],
    [
      "no gateway",
      { httpRoute: { host: "a.example.com" } },
      '.httpRoute.gateway.name: "undefined" is no name of a Gateway',
    ],
    [
      "a gateway's namespace",
      { httpRoute: { host: "a.example.com", gateway: { name: "web", namespace: "a.b" } } },
      '.httpRoute.gateway.namespace: "a.b" is no name of a namespace',
    ],
    [
      "a gateway's listener",
      { httpRoute: { host: "a.example.com", gateway: { name: "web", sectionName: "A" } } },
      ".httpRoute.gateway.sectionName: 'A' is no name of a listener",
    ],
    [
      "two ways to publish",
      { ingress: { host: "a.example.com" }, httpRoute: { host: "a.example.com", gateway: { name: "web" } } },
      ".ingress: not together with `httpRoute`: choose one",
    ],
    [
      "a service's type",
      { service: { type: "ExternalName" } },
      '.service.type: must be "ClusterIP" or "LoadBalancer" or "NodePort", not "ExternalName"',
    ],
    ["a service's port", { service: { port: 0 } }, ".service.port: must be a whole number from 1 to 65535, not 0"],
    ["proxies", { trustedProxies: 11 }, ".trustedProxies: must be a whole number from 0 to 10, not 11"],
    ["no gateways", { gateway: { replicas: 0 } }, ".gateway.replicas: must be a whole number from 1 to 100, not 0"],
    [
      "a gateway's image",
      { gateway: { image: "a b" } },
      '.gateway.image: "a b" is not the name of an image, such as "node:22-slim" or "registry.example.com/base/jre:21"',
    ],
    [
      "a gateway's memory",
      { gateway: { memory: 64 } },
      ".gateway.memory: must be a whole number from 256 to 1048576, not 64",
    ],
    ["a gateway's CPU", { gateway: { cpu: 0 } }, ".gateway.cpu: must be a number from 0.01 to 256, not 0"],
    [
      "NATS' image",
      { nats: { image: "" } },
      '.nats.image: "" is not the name of an image, such as "node:22-slim" or "registry.example.com/base/jre:21"',
    ],
    ["two servers", { nats: { replicas: 2 } }, ".nats.replicas: must be 1 or 3, not 2"],
    ["a disk", { nats: { storage: "10G" } }, '.nats.storage: "10G" is no size such as "10Gi" (Mi, Gi, Ti)'],
    ["a storage class", { nats: { storageClass: "F" } }, '.nats.storageClass: "F" is no name of a StorageClass'],
    ["NATS' memory", { nats: { memory: 1 } }, ".nats.memory: must be a whole number from 64 to 1048576, not 1"],
    [
      "a server's scheme",
      { nats: { url: "http://nats:4222" } },
      '.nats.url: "http://nats:4222" is no server such as "nats://nats.example.com:4222"',
    ],
    [
      "one of several servers",
      { nats: { url: "nats://a:4222,b" } },
      '.nats.url: "b" is no server such as "nats://nats.example.com:4222"',
    ],
    [
      "a server's port",
      { nats: { url: "nats://a:99999" } },
      '.nats.url: "nats://a:99999" is not of the form nats://host:port',
    ],
    [
      "servers of two schemes",
      { nats: { url: "nats://a:4222, tls://b:4222" } },
      ".nats.url: servers with nats:// and with tls:// cannot be mixed",
    ],
    [
      "a server that is known later",
      { nats: { url: pulumi.output("nats://a") } },
      '.nats.url: must be a plain string such as "nats://nats.example.com:4222"',
    ],
    [
      "credentials in a URL",
      { nats: { url: "nats://a:s3cret@b:4222" } },
      ".nats.url: must not have credentials in it: give them as `nats.credentials`",
    ],
    [
      "copies of messages",
      { nats: { url: "nats://a", replicas: 6 } },
      ".nats.replicas: must be a whole number from 1 to 5, not 6",
    ],
    [
      "a disk of somebody else's",
      { nats: { url: "nats://a", storage: "1Gi" } },
      ".nats.storage: belongs to a NATS of the region's own: leave it or `url` out",
    ],
    [
      "two logins",
      { nats: { url: "nats://a", credentials: { token: "t", creds: "c" } } },
      ".nats.credentials: has `token` and `creds`: one way to log in is enough",
    ],
    [
      "half a login",
      { nats: { url: "nats://a", credentials: { user: "u" } } },
      ".nats.credentials: needs both `user` and `password`, or neither",
    ],
    [
      "an empty login",
      { nats: { url: "nats://a", credentials: { token: "" } } },
      ".nats.credentials.token: must be a string that is not empty",
    ],
    ["an autoscaler", { autoscaler: "hpa" }, '.autoscaler: must be "keda" or "none", not "hpa"'],
    ["a slow poll", { pollingInterval: 30 }, ".pollingInterval: must be a whole number from 1 to 5, not 30"],
    [
      "a long window",
      { scalingBehavior: { scaleDown: { stabilizationWindowSeconds: 3601 } } },
      ".scalingBehavior.scaleDown.stabilizationWindowSeconds: must be a whole number from 0 to 3600, not 3601",
    ],
    [
      "a selection",
      { scalingBehavior: { scaleUp: { selectPolicy: "All" } } },
      '.scalingBehavior.scaleUp.selectPolicy: must be "Max" or "Min" or "Disabled", not "All"',
    ],
    [
      "a policy's type",
      { scalingBehavior: { scaleUp: { policies: [{ type: "Pod", value: 1, periodSeconds: 1 }] } } },
      '.scalingBehavior.scaleUp.policies[0].type: must be "Pods" or "Percent", not "Pod"',
    ],
    [
      "a policy's value",
      { scalingBehavior: { scaleUp: { policies: [{ type: "Pods", value: 0, periodSeconds: 1 }] } } },
      ".scalingBehavior.scaleUp.policies[0].value: must be a whole number of at least 1, not 0",
    ],
    [
      "a policy's period",
      { scalingBehavior: { scaleUp: { policies: [{ type: "Pods", value: 1, periodSeconds: 1801 }] } } },
      ".scalingBehavior.scaleUp.policies[0].periodSeconds: must be a whole number from 1 to 1800, not 1801",
    ],
    [
      "egress",
      { networkPolicies: { egress: ["intranet"] } },
      '.networkPolicies.egress[0]: must be "internet" or an object with `cidr` or `namespace`, not "intranet"',
    ],
    [
      "an ingress' namespace",
      { networkPolicies: { ingressNamespace: "A" } },
      '.networkPolicies.ingressNamespace: "A" is no name of a namespace',
    ],
    [
      "KEDA's namespace",
      { networkPolicies: { kedaNamespace: "" } },
      '.networkPolicies.kedaNamespace: "" is no name of a namespace',
    ],
    [
      "a port of the API server that is none",
      { networkPolicies: { apiServerPorts: [16443, 0] } },
      ".networkPolicies.apiServerPorts[1]: must be a whole number from 1 to 65535, not 0",
    ],
    [
      "a port of the API server alone",
      { networkPolicies: { apiServerPorts: 16443 as never } },
      ".networkPolicies.apiServerPorts: must be a list of ports, not 16443",
    ],
    [
      "a reserved label",
      { labels: { "fullcode/function": "x" } },
      '.labels["fullcode/function"]: is set by the platform',
    ],
    [
      "a recommended label",
      { labels: { "app.kubernetes.io/part-of": "x" } },
      '.labels["app.kubernetes.io/part-of"]: is set by the platform',
    ],
    ["a label's key", { labels: { "a/b/c": "x" } }, '.labels["a/b/c"]: is no key of a label'],
    [
      "a label's value",
      { labels: { team: "a b" } },
      '.labels["team"]: "a b" is no value of a label: at most 63 letters, digits, dashes, underscores and dots',
    ],
    ["a label that is no string", { labels: { team: 1 } }, '.labels["team"]: must be a string'],
    ["an annotation's key", { annotations: { "": "x" } }, '.annotations[""]: is no key of an annotation'],
    ["an annotation that is no string", { annotations: { a: {} } }, '.annotations["a"]: must be a string'],
    ["a parameter", { params: { key: [1] } }, ".params.key: must be a string, a number or a boolean, not a list"],
    ["a generation", { linkGeneration: 0 }, ".linkGeneration: must be a whole number of at least 1, not 0"],
    ["tolerations", { tolerations: { key: "a" } as never }, ".tolerations: must be a list, not { key: 'a' }"],
    ["Secrets", { imagePullSecrets: "pull" as never }, ".imagePullSecrets: must be a list, not 'pull'"],
    [
      "policies",
      { scalingBehavior: { scaleUp: { policies: {} as never } } },
      ".scalingBehavior.scaleUp.policies: must be a list, not {}",
    ],
    [
      "ports that are no list",
      { networkPolicies: { egress: [{ cidr: "10.0.0.0/8", ports: 5432 as never }] } },
      ".networkPolicies.egress[0].ports: must be a list, not 5432",
    ],
    [
      "no ports",
      { networkPolicies: { egress: [{ cidr: "10.0.0.0/8", ports: [] }] } },
      ".networkPolicies.egress[0].ports: must not be empty: leave it out for all ports",
    ],
  ])("%s", (_, args, problem) => {
    expect(problemsWith(args)).toEqual([problem]);
  });

  test("an argument that there is not", () => {
    expect(problemsWith({ gatway: {} })).toEqual([
      expect.stringMatching(/^\.gatway: there is no such argument; there are `context`, .*`gateway`/),
    ]);
  });

  test.each<[argument: string, args: object]>([
    ["registryCredentials.user", { registryCredentials: { username: "a", password: "b", user: "a" } }],
    ["pullCredentials.token", { pullCredentials: { username: "a", password: "b", token: "c" } }],
    ["gateway.replica", { gateway: { replica: 3 } }],
    ["ingress.class", { ingress: { host: "shop.example.com", class: "nginx" } }],
    ["httpRoute.hosts", { httpRoute: { host: "shop.example.com", gateway: { name: "g" }, hosts: [] } }],
    ["httpRoute.gateway.section", { httpRoute: { host: "shop.example.com", gateway: { name: "g", section: "a" } } }],
    ["service.ports", { service: { ports: [80] } }],
    ["nats.disk", { nats: { disk: "10Gi" } }],
    ["nats.credential", { nats: { url: "nats://a", credential: {} } }],
    ["nats.credentials.pass", { nats: { url: "nats://a", credentials: { pass: "x" } } }],
    ["networkPolicies.ingress", { networkPolicies: { ingress: "nginx" } }],
    ["networkPolicies.egress[0].port", { networkPolicies: { egress: [{ cidr: "10.0.0.0/8", port: [5432] }] } }],
    ["scalingBehavior.up", { scalingBehavior: { up: {} } }],
    ["scalingBehavior.scaleUp.window", { scalingBehavior: { scaleUp: { window: 1 } } }],
    [
      "scalingBehavior.scaleUp.policies[0].period",
      { scalingBehavior: { scaleUp: { policies: [{ type: "Pods", value: 1, periodSeconds: 1, period: 1 }] } } },
    ],
    ["tolerations[0].effects", { tolerations: [{ key: "a", effects: "NoSchedule" }] }],
  ])("an argument that there is not, further down: %s", (argument, args) => {
    expect(problemsWith(args)).toEqual([
      expect.stringMatching(
        new RegExp(`^.${argument.replace(/[[\]]/g, "\\$&")}: there is no such argument; there are \``),
      ),
    ]);
  });

  test("good arguments of every kind", () => {
    const egress: KubernetesArgs["networkPolicies"] = {
      egress: ["internet", { cidr: "2001:db8::/32" }],
      ingressNamespace: "ingress",
    };
    const good: Partial<KubernetesArgs>[] = [
      { registry: "localhost:5000/shop_1/a.b", context: "arn:aws:eks:eu-central-1:1:cluster/shop", namespace: "shop" },
      {
        registry: "docker.io/acme",
        kubeconfig: pulumi.output("text"),
        url: "https://shop.example.com/api",
        createNamespace: false,
      },
      {
        registry: "acme",
        service: { type: "NodePort", port: 8080 },
        networkPolicies: egress,
        labels: { "example.com/team": "a" },
      },
      {
        registry: "acme",
        httpRoute: { host: "a.example.com", gateway: { name: "web", namespace: "infra", sectionName: "https" } },
      },
      {
        registry: "acme",
        nats: { url: "tls://a:4222, tls://b", replicas: 3, credentials: { creds: pulumi.secret("x") } },
      },
      {
        registry: "acme",
        autoscaler: "none",
        networkPolicies: false,
        gateway: { replicas: 1, image: "acme/gateway@sha256:" + "0".repeat(64) },
      },
    ];
    good.forEach((args, index) => {
      const regions = {
        eu: kubernetes({
          registry: REGISTRY,
          gateway: { image: "acme/gateway" },
          clusterIdentifier: `${index}`,
          ...args,
        }),
      };
      expect(() => new Environment(`e${index}`, { app, type: "live", regions })).not.toThrow();
    });
  });

  test("all that is wrong is said at once", () => {
    expect(problemsWith({ registry: "", context: "", autoscaler: 1, gateway: { replicas: 1.5 } })).toEqual([
      ".context: must be a plain string that is not empty",
      '.registry: must be the registry that images are pushed to, such as "registry.example.com/shop"',
      ".gateway.replicas: must be a whole number from 1 to 100, not 1.5",
      '.autoscaler: must be "keda" or "none", not 1',
    ]);
  });

  test("a namespace that names make too long", () => {
    const long = new ServerlessApp("s".repeat(40));
    const name = "p".repeat(40);
    const regions = { eu: kubernetes({ registry: REGISTRY }) };
    expect(messageOf(() => new Environment(name, { app: long, type: "live", regions }))).toBe(
      `Environment "${name}": regions.eu.namespace: the default "${"s".repeat(40)}-${name}" has 81 characters; ` +
        "at most 63 are allowed: give a shorter one",
    );
  });

  test("one namespace of one cluster for two regions, in one environment or in two", () => {
    const eu = { registry: REGISTRY, context: "eu", gateway: { image: "acme/gateway" } };
    const inOne = { a: kubernetes(eu), b: kubernetes(eu), c: kubernetes({ ...eu, context: "us" }) };
    expect(messageOf(() => new Environment("production", { app, type: "live", regions: inOne }))).toBe(
      'Environment "production": regions.b.namespace: "shop-production" is already the namespace of region "production/a" ' +
        "in the same cluster; give one of them another one",
    );
    const named = { ...eu, namespace: "shop" };
    new Environment("one", { app, type: "live", regions: { eu: kubernetes(named) } });
    expect(messageOf(() => new Environment("two", { app, type: "live", regions: { us: kubernetes(named) } }))).toBe(
      'Environment "two": regions.us.namespace: "shop" is already the namespace of region "one/eu" in the same cluster; ' +
        "give one of them another one",
    );
    const [one, two] = [pulumi.output("one"), pulumi.output("two")];
    const regions = {
      a: kubernetes({ ...named, kubeconfig: one }),
      b: kubernetes({ ...named, kubeconfig: two }),
      c: kubernetes({ ...named, kubeconfig: one }),
      d: kubernetes({ ...named, kubeconfig: "text" }),
    };
    expect(messageOf(() => new Environment("three", { app, type: "live", regions }))).toBe(
      'Environment "three": regions.c.namespace: "shop" is already the namespace of region "three/a" in the same cluster; ' +
        "give one of them another one",
    );
  });
});

describe("packages that are not installed", () => {
  afterEach(() => {
    jest.resetModules();
    jest.dontMock("@pulumi/kubernetes").dontMock("@pulumi/random").dontMock("@pulumi/docker");
  });

  const missing = (name: string) =>
    jest.doMock(name, () => {
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" });
    });
  const problem = (args: KubernetesArgs) =>
    kubernetes(args).plan({ app: "shop", place: { environment: "test", region: "eu" } }, {}).problems;

  test("are named, with the command that installs them", () => {
    missing("@pulumi/random");
    expect(problem({ registry: REGISTRY })).toEqual([
      ["", "needs the package @pulumi/random; run `npm install @pulumi/random`"],
    ]);
    missing("@pulumi/docker");
    missing("@pulumi/kubernetes");
    expect(problem({ registry: REGISTRY })).toEqual([
      [
        "",
        "needs the packages @pulumi/kubernetes, @pulumi/random, @pulumi/docker; " +
          "run `npm install @pulumi/kubernetes @pulumi/random @pulumi/docker`",
      ],
    ]);
    const regions = { eu: kubernetes({ registry: REGISTRY }) };
    expect(messageOf(() => new Environment("test", { app, type: "test", regions }))).toMatch(
      /^Environment "test": regions\.eu: needs the packages /,
    );
  });

  test("do not matter to other builders and to local regions", () => {
    missing("@pulumi/docker");
    const imageBuilder = { build: jest.fn() };
    expect(problem({ registry: REGISTRY, imageBuilder })).toEqual([]);
    missing("@pulumi/kubernetes");
    missing("@pulumi/random");
    expect(() => new Environment("test", { app, type: "test", regions: { here: local() } })).not.toThrow();
  });

  test("of a package that is there and broken are another matter", () => {
    jest.doMock("@pulumi/random", () => {
      throw Object.assign(new Error("Cannot find module 'left-pad'"), { code: "MODULE_NOT_FOUND" });
    });
    expect(() => problem({ registry: REGISTRY })).toThrow("left-pad");
  });
});

describe("FullCodeFunction", () => {
  const functionOf = (args: Partial<FullCodeFunctionArgs>, files: Record<string, string> = { "src/index.js": "" }) => {
    jest.spyOn(console, "warn").mockImplementation();
    const regions = { eu: kubernetes({ registry: REGISTRY, gateway: { image: "acme/gateway" } }), here: local() };
    const environment = new Environment("production", { app, type: "live", regions });
    return messageOf(
      () => new FullCodeFunction("orders", { app, environments: [environment], code: codeFolder(files), ...args }),
    );
  };

  test("egress", () => {
    const egress = [
      { cidr: "10.0.0.0/33" },
      {},
      { cidr: "10.0.0.0/8", namespace: "db" },
      { namespace: "DB", except: ["10.0.0.0/8"], ports: [0], protocol: "ICMP" as "TCP" },
      { cidr: "10.0.0.0/8", except: ["x"], podLabels: {}, protocol: "UDP" as const },
    ];
    expect(functionOf({ egress, regions: { eu: { egress: "internet" as unknown as [] } } })).toBe(
      'FullCodeFunction "orders": ' +
        'egress[0].cidr: "10.0.0.0/33" is no range of addresses such as "10.20.0.0/16"; ' +
        "egress[1]: needs either `cidr` or `namespace`; " +
        "egress[2]: needs either `cidr` or `namespace`; " +
        "egress[3].except: needs `cidr`; " +
        'egress[3].namespace: "DB" is no name of a namespace; ' +
        "egress[3].ports[0]: must be a whole number from 1 to 65535, not 0; " +
        'egress[3].protocol: must be "TCP", "UDP" or "SCTP", not "ICMP"; ' +
        'egress[4].except[0]: "x" is no range of addresses such as "10.20.0.0/16"; ' +
        "egress[4].podLabels: need `namespace`; " +
        "egress[4].protocol: needs `ports`; " +
        'regions.eu.egress: must be a list of rules, such as ["internet"]',
    );
  });

  test("a base image", () => {
    expect(functionOf({ baseImage: "not an image" })).toBe(
      'FullCodeFunction "orders": baseImage: "not an image" is not the name of an image, such as "node:22-slim" or ' +
        '"registry.example.com/base/jre:21"',
    );
    const later = pulumi.output("node:22") as unknown as string;
    jest.restoreAllMocks();
    app = new ServerlessApp("other");
    expect(functionOf({ baseImage: later })).toContain("baseImage: must be a plain value, not an Output");
  });

  test("code that no image can be made from, before anything is registered", () => {
    const files = { "src/index.ts": "const x: = 1;" };
    expect(functionOf({ entrypoint: "src/index.ts" }, files)).toMatch(
      /^FullCodeFunction "orders": code: .*src\/index\.ts/s,
    );
  });
});
