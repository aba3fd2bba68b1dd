import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import {
  Environment,
  FullCodeFunction,
  type ImageRequest,
  kubernetes,
  local,
  QueueTrigger,
  ServerlessApp,
} from "../../src";
import { linkToken } from "../../src/link/linkToken";
import { declareShop, EU, SECRETS, US } from "../platforms/kubernetes/shop";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { LOAD_BALANCER_ADDRESS, repoDigest, rootSecret } from "../support/clusterProviders";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../support/declareCluster";

const URNS = join(__dirname, "kubernetes.urns.txt");
const IMAGE = "docker:index/image:Image";

inProjectFolder();
let shop: DeclaredCluster;
beforeAll(async () => {
  jest.spyOn(console, "log").mockImplementation();
  shop = await declareCluster(() => declareShop());
});
afterAll(removeCodeFolders);

test("resources keep their URNs: a changed one needs an alias, or what is deployed is replaced", () => {
  expect(shop.resources.map(({ urn }) => urn)).toEqual(readFileSync(URNS, "utf8").trim().split("\n"));
});

test("every resource has a parent, and every object the provider of its region", () => {
  const orphans = shop.resources.filter(({ parent }) => parent === "").map(({ type }) => type);
  expect(orphans).toEqual(["pulumi:pulumi:Stack"]);
  for (const { resource } of shop.objects) {
    const [, region] = /\b(production\.(?:eu|us))(?:\.|$)/.exec(resource.name) ?? [];
    expect([resource.urn, resource.provider]).toEqual([resource.urn, region]);
  }
});

test("every object but the namespace itself waits for its region's namespace", () => {
  for (const { resource } of shop.objects) {
    if (resource.type.endsWith(":Namespace")) continue;
    const namespaces = resource.dependencies.filter((urn) => urn.includes(":Namespace::"));
    expect([resource.urn, ...namespaces]).toEqual([
      resource.urn,
      expect.stringMatching(new RegExp(`:Namespace::${resource.provider}$`)),
    ]);
  }
});

test("a preview, which knows no outputs, shows the very same resources", async () => {
  const preview = await declareCluster(() => declareShop(), { preview: true });
  expect(preview.resources.map(({ urn }) => urn)).toEqual(shop.resources.map(({ urn }) => urn));
});

test("a kubeconfig and parameters that are known later are no obstacle to a preview", async () => {
  const later = pulumi.unknown as unknown as pulumi.Output<string>;
  const regions = { eu: kubernetes({ ...EU, kubeconfig: pulumi.output(later) }) };
  const { resources } = await declareCluster(() => declareShop({ ...regions, us: kubernetes(US) }), { preview: true });
  expect(resources.map(({ urn }) => urn)).toEqual(shop.resources.map(({ urn }) => urn));
});

test("a function's image and the gateway's are built once, for both regions, and used by digest", () => {
  const images = shop.resources.filter(({ type }) => type === IMAGE);
  const repositories = images.map(({ inputs }) => String(inputs.imageName).replace(/:[0-9a-f]{16}$/, ""));
  expect(repositories).toEqual([
    "registry.example.com/shop/fullcode-gateway",
    "registry.example.com/shop/convert",
    "registry.example.com/shop/orders",
  ]);
  const orders = repoDigest(String(images[2].inputs.imageName));
  for (const region of ["eu", "us"]) {
    const deployment = shop.object<Deployment>("Deployment", `orders.production.${region}`);
    expect(deployment.spec.template.spec.containers[0].image).toBe(orders);
    expect(shop.document(`orders.production.${region}`).image).toBe(orders);
  }
  const digest = orders.slice(orders.indexOf("@") + 1);
  expect(shop.outputs.digests).toEqual({ production: { eu: digest, us: digest } });
});

interface Deployment {
  spec: { template: { spec: { containers: { image: string }[] } } };
}

test("regions of other registries and platforms have builds of their own", async () => {
  const requests: (Pick<ImageRequest, "repository" | "platform"> & { name: string })[] = [];
  const imageBuilder = {
    build: (name: string, { repository, platform }: ImageRequest) => {
      requests.push({ name, repository, platform });
      return { reference: pulumi.output(`${repository}@sha256:0`), digest: pulumi.output("sha256:0") };
    },
  };
  await declareCluster(() => {
    const app = new ServerlessApp("shop");
    const common = { imageBuilder, gateway: { image: "registry.example.com/gateway:1" } };
    const environment = new Environment("production", {
      app,
      type: "live",
      regions: {
        a: kubernetes({ ...common, context: "a", registry: "one.example.com" }),
        b: kubernetes({ ...common, context: "b", registry: "two.example.com/shop" }),
        c: kubernetes({ ...common, context: "c", registry: "one.example.com", platform: "linux/arm64" }),
        d: kubernetes({ ...common, context: "d", registry: "one.example.com", nodeImage: "base.example.com/node:22" }),
        e: kubernetes({ ...common, context: "e", registry: "one.example.com" }),
      },
    });
    const code = codeFolder({ "src/index.js": "" });
    new FullCodeFunction("orders", { app, environments: [environment], code });
  });
  expect(requests).toEqual([
    { name: "orders.one.example.com", repository: "one.example.com/orders", platform: "linux/amd64" },
    { name: "orders.two.example.com/shop", repository: "two.example.com/shop/orders", platform: "linux/amd64" },
    { name: "orders.one.example.com.linux/arm64", repository: "one.example.com/orders", platform: "linux/arm64" },
    {
      name: expect.stringMatching(/^orders\.one\.example\.com\.[0-9a-f]{8}$/) as string,
      repository: "one.example.com/orders",
      platform: "linux/amd64",
    },
  ]);
});

test("images are labelled with the revision that is given", async () => {
  const dockerfiles: string[] = [];
  const imageBuilder = {
    build: (_: string, { context }: ImageRequest) => {
      dockerfiles.push(readFileSync(join(context.path, "Dockerfile"), "utf8"));
      return { reference: pulumi.output("image@sha256:0"), digest: pulumi.output("sha256:0") };
    },
  };
  await declareCluster(() => {
    const app = new ServerlessApp("shop");
    const gateway = { image: "registry.example.com/gateway:1" };
    const eu = kubernetes({ registry: "registry.example.com", imageBuilder, gateway, revision: "4f2a9c1" });
    const environments = [new Environment("production", { app, type: "live", regions: { eu } })];
    new FullCodeFunction("orders", { app, environments, code: codeFolder({ "src/index.js": "" }) });
  });
  expect(dockerfiles).toHaveLength(1);
  expect(dockerfiles[0]).toContain("4f2a9c1");
});

test("documents are the same in every region, but for what a region sets itself", () => {
  const document = (name: string) =>
    [`${name}.production.eu`, `${name}.production.us`].map((each) => shop.document(each));
  for (const name of ["get-order", "placed", "convert"]) {
    const [eu, us] = document(name);
    expect(us).toEqual(eu);
  }
  const [eu, us] = document("orders");
  expect(eu.scale).toEqual({ min: 1, max: 20, idleSeconds: 90.5 });
  expect(us).toEqual({ ...eu, scale: { min: 1, max: 5, idleSeconds: 90.5 } });
  expect(eu).not.toHaveProperty("code");
  expect(shop.document("production.eu")).toEqual({
    apiVersion: "fullcode/v1",
    kind: "Region",
    name: "eu",
    app: "shop",
    environment: "production",
    environmentType: "live",
    url: "https://eu.shop.example.com",
    trustedProxies: 1,
    sessions: { jwksUrl: "https://id.example.com:8443/keys" },
  });
  expect(shop.resources.filter(({ name }) => name.startsWith("nightly.")).map(({ name }) => name)).toEqual([
    "nightly.production.eu",
  ]);
});

test("a region's parameters are a secret with the app's, the environment's and its own", async () => {
  const { objects, resources } = await declareCluster(() => {
    const app = new ServerlessApp("shop", { params: { currency: "EUR", limit: 3, open: true } });
    const common = { registry: "registry.example.com", gateway: { image: "registry.example.com/gateway:1" } };
    const regions = {
      eu: kubernetes({ ...common, context: "eu" }),
      us: kubernetes({ ...common, context: "us", params: { currency: "USD", key: pulumi.secret("s3cret-us") } }),
    };
    new Environment("production", { app, type: "live", params: { limit: 5 }, regions });
  });
  const params = objects.filter(({ resource }) => resource.name.endsWith(".params"));
  const texts = params.map(({ object }) => (object.stringData as Record<string, string>)["params.json"]);
  expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual([
    { currency: "EUR", limit: 5, open: true },
    { currency: "USD", limit: 5, open: true, key: "s3cret-us" },
  ]);
  expect(JSON.stringify(resources.map(({ inputs }) => withoutSecrets(inputs)))).not.toContain("s3cret-us");
});

test("addresses are those of the ingress and of the load balancer", () => {
  const us = `http://${LOAD_BALANCER_ADDRESS}`;
  expect(shop.outputs.urls).toEqual({ eu: "https://eu.shop.example.com", us });
  expect(shop.outputs.endpointUrls).toEqual({
    production: { eu: "https://eu.shop.example.com/orders/:id", us: `${us}/orders/:id` },
  });
  expect(shop.document("production.us")).toMatchObject({ url: us, trustedProxies: 0 });
});

test("messages are sent inside, and to the address of clients where the queue is published", async () => {
  const inside = "http://gateway.shop-production.svc/queues/orders";
  expect(shop.outputs.publishUrls).toEqual({ production: { eu: inside, us: inside } });
  const { outputs } = await declareCluster(() => {
    const app = new ServerlessApp("shop");
    const environments = [new Environment("production", { app, type: "live", regions: { us: kubernetes(US) } })];
    const orders = new FullCodeFunction("orders", { app, environments, code: codeFolder({ "src/index.js": "" }) });
    return { urls: new QueueTrigger("placed", { function: orders, queue: "orders", published: true }).publishUrls };
  });
  expect(outputs.urls).toEqual({ production: { us: `http://${LOAD_BALANCER_ADDRESS}/queues/orders` } });
});

test("a region's objects depend on nothing of another region", () => {
  for (const { resource } of shop.objects) {
    const other = resource.provider === "production.eu" ? "production.us" : "production.eu";
    expect(resource.dependencies.filter((urn) => urn.includes(`::${other}`) || urn.includes(`.${other}`))).toEqual([]);
  }
});

test("a region's provider and namespace are there for objects of one's own", async () => {
  const { NetworkPolicy } = k8s.networking.v1;
  const { resources, outputs } = await declareCluster(() => {
    const app = new ServerlessApp("shop");
    const common = { registry: "registry.example.com", gateway: { image: "registry.example.com/gateway:1" } };
    const regions = {
      eu: kubernetes({ ...common, context: "eu" }),
      us: kubernetes({ ...common, context: "us", namespace: "team-a", createNamespace: false }),
      here: local(),
    };
    const production = new Environment("production", { app, type: "live", regions });
    for (const [region, { provider, namespace }] of Object.entries(production.regions)) {
      if (provider === undefined) continue;
      new NetworkPolicy(`metrics.${region}`, { metadata: { namespace }, spec: { podSelector: {} } }, { provider });
    }
    const { here } = production.regions;
    return { hasNone: here.provider === undefined && here.namespace === undefined };
  });
  const policies = resources.filter(({ name }) => name.startsWith("metrics."));
  expect(policies.map(({ provider, inputs }) => [provider, (inputs.metadata as object | undefined) ?? {}])).toEqual([
    ["production.eu", { namespace: "shop-production" }],
    ["production.us", { namespace: "team-a" }],
  ]);
  expect(policies[0].dependencies).toEqual([expect.stringMatching(/:Namespace::production\.eu$/)]);
  expect(outputs.hasNone).toBe(true);
});

test("what is secret is in envelopes wherever it goes", () => {
  const bare = JSON.stringify(shop.resources.map(({ inputs }) => withoutSecrets(inputs)));
  const root = rootSecret("production.eu.link-root-1");
  const token = linkToken(Buffer.from(root, "base64"), "orders");
  const secrets = [...SECRETS, "password0of0", root, token];
  for (const secret of secrets) expect(bare).not.toContain(secret);
  // the very same values are there once envelopes are opened, or the check above would check nothing
  const opened = JSON.stringify(shop.resources.map(({ inputs }) => inputs));
  for (const secret of secrets) expect(opened).toContain(secret);
  for (const { resource, object } of shop.objects)
    if (object.kind === "Secret")
      expect(resource.inputs.stringData).toHaveProperty(
        [pulumi.runtime.specialSigKey],
        pulumi.runtime.specialSecretSig,
      );
});

function withoutSecrets(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  const object = value as Record<string, unknown>;
  if (object[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig) return "[secret]";
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, withoutSecrets(each)]));
}
