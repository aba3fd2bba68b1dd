import * as pulumi from "@pulumi/pulumi";

import { Environment, type ImageRequest, kubernetes, type KubernetesArgs, ServerlessApp } from "../../../src";
import { gatewayConfig, linkRoots, natsCredentials } from "../../../src/spec";
import { autonamed, password, rootSecret } from "../../support/clusterProviders";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../../support/declareCluster";
import { declareProgram } from "../../support/declareProgram";

inProjectFolder();
beforeEach(() => jest.spyOn(console, "log").mockImplementation());

const GATEWAY: KubernetesArgs = {
  registry: "registry.example.com",
  gateway: { image: "registry.example.com/gateway:1" },
};
const REGION = "production.eu";

function declareRegion(args: Partial<KubernetesArgs> = {}): Promise<DeclaredCluster> {
  return declareCluster(() => createRegion(args));
}

/** One region without functions. */
function createRegion(args: Partial<KubernetesArgs>) {
  const app = new ServerlessApp("shop");
  const regions = { eu: kubernetes({ ...GATEWAY, ...args }) };
  const { url } = new Environment("production", { app, type: "live", regions });
  return { url };
}

const LABELS = {
  "app.kubernetes.io/name": "gateway",
  "app.kubernetes.io/component": "gateway",
  "app.kubernetes.io/part-of": "shop",
  "app.kubernetes.io/managed-by": "fullcode",
  "fullcode/environment": "production",
  "fullcode/region": "eu",
};
const METADATA = {
  name: "gateway",
  namespace: "shop-production",
  labels: { ...LABELS, "fullcode/stack": "shop.dev" },
};
const SELECTOR = { "app.kubernetes.io/component": "gateway", "app.kubernetes.io/managed-by": "fullcode" };
const SKIP_AWAIT = { "pulumi.com/skipAwait": "true" };

describe("gateways", () => {
  test("a Deployment that keeps serving while it rolls", async () => {
    const cluster = await declareRegion({ namespace: "shop-production" });
    const deployment = cluster.object<Deployment>("Deployment", `${REGION}.gateway`);
    const { template, ...spec } = deployment.spec;
    expect(deployment.metadata).toEqual(METADATA);
    expect(spec).toEqual({
      replicas: 2,
      selector: { matchLabels: SELECTOR },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
    });
    expect(template.metadata).toEqual({ labels: LABELS });
    const { containers, volumes, affinity, topologySpreadConstraints, ...pod } = template.spec;
    // the notice, the wait for an instance, the longest timeout, and 30 s to close
    expect(pod).toMatchObject({ terminationGracePeriodSeconds: 5 + 60 + 900 + 30, serviceAccountName: "gateway" });
    expect(affinity).toEqual({
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: SELECTOR } },
          },
        ],
      },
    });
    expect(topologySpreadConstraints).toEqual(
      ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: SELECTOR },
      })),
    );
    expect(volumes).toEqual([
      { name: "secrets", secret: { secretName: autonamed(`${REGION}.gateway`), defaultMode: 0o440 } },
      { name: "state", emptyDir: { sizeLimit: "1Gi" } },
      { name: "tmp", emptyDir: { sizeLimit: "512Mi" } },
    ]);
    const [{ env, securityContext, ...container }] = containers;
    expect(securityContext).toBeDefined();
    expect(container).toEqual({
      name: "gateway",
      image: "registry.example.com/gateway:1",
      command: [
        "node",
        "--enable-source-maps",
        "--max-old-space-size=464",
        "--max-semi-space-size=16",
        "/fullcode/gateway/main.js",
      ],
      ports: [
        { name: "http", containerPort: 8080 },
        { name: "published", containerPort: 8081 },
        { name: "link", containerPort: 7080 },
        { name: "scaler", containerPort: 9090 },
        { name: "probe", containerPort: 9100 },
      ],
      resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "1Gi" } },
      startupProbe: { httpGet: { path: "/live", port: "probe" }, periodSeconds: 1, failureThreshold: 60 },
      livenessProbe: {
        httpGet: { path: "/live", port: "probe" },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 6,
      },
      readinessProbe: {
        httpGet: { path: "/ready", port: "probe" },
        periodSeconds: 2,
        timeoutSeconds: 2,
        failureThreshold: 3,
      },
      volumeMounts: [
        { name: "secrets", mountPath: "/var/run/fullcode/gateway", readOnly: true },
        { name: "state", mountPath: "/state" },
        { name: "tmp", mountPath: "/tmp" },
      ],
    });
    expect(env.slice(1)).toEqual([
      { name: "FULLCODE_POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "FULLCODE_POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    ]);
    expect(env[0].name).toBe("FULLCODE_GATEWAY");
    expect(gatewayConfig.parse(JSON.parse(env[0].value))).toEqual({
      apiVersion: "fullcode/v1",
      namespace: "shop-production",
      app: "shop",
      environment: "production",
      region: "eu",
      nats: { url: "nats://nats.shop-production.svc:4222", replicas: 1 },
    });
    expect(cluster.object("PodDisruptionBudget", `${REGION}.gateway`)).toMatchObject({
      metadata: METADATA,
      spec: { maxUnavailable: 1, selector: { matchLabels: SELECTOR } },
    });
    expect(cluster.resource("Deployment", `${REGION}.gateway`).dependencies.map((urn) => urn.split("$").pop())).toEqual(
      expect.arrayContaining([
        "kubernetes:core/v1:ConfigMap::production.eu",
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding::production.eu.gateway",
        "kubernetes:apps/v1:StatefulSet::production.eu.nats",
      ]),
    );
  });

  test("size, number and image are arguments", async () => {
    const gateway = {
      replicas: 5,
      memory: 512,
      cpu: 1.5,
      image: "registry.example.com/gateway@sha256:" + "0".repeat(64),
    };
    const cluster = await declareRegion({ gateway });
    const { spec } = cluster.object<Deployment>("Deployment", `${REGION}.gateway`);
    expect(spec.replicas).toBe(5);
    expect(spec.template.spec.containers[0]).toMatchObject({
      image: gateway.image,
      resources: { requests: { cpu: "1500m", memory: "256Mi" }, limits: { memory: "512Mi" } },
    });
    expect(cluster.resources.filter(({ type }) => type.startsWith("docker:"))).toEqual([]);
  });

  test("read documents and each other's addresses in their namespace, and nothing else", async () => {
    const cluster = await declareRegion();
    const verbs = ["list", "watch"];
    expect(cluster.object("Role", `${REGION}.gateway`)).toMatchObject({
      metadata: METADATA,
      rules: [
        { apiGroups: [""], resources: ["configmaps"], verbs },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
      ],
    });
    expect(cluster.object("RoleBinding", `${REGION}.gateway`)).toMatchObject({
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "gateway" },
      subjects: [{ kind: "ServiceAccount", name: "gateway", namespace: "shop-production" }],
    });
    expect(cluster.object("ServiceAccount", `${REGION}.gateway`)).toMatchObject({
      automountServiceAccountToken: false,
    });
    expect(cluster.resources.filter(({ type }) => /ClusterRole/.test(type))).toEqual([]);
  });

  test("have their secrets in one Secret, and the CLI's token in another", async () => {
    const cluster = await declareRegion();
    const { metadata, stringData } = cluster.object<SecretObject>("Secret", `${REGION}.gateway`);
    expect(metadata.name).toBeUndefined();
    const token = password(`${REGION}.gateway-admin`);
    expect(stringData["admin-token"]).toBe(token);
    expect(linkRoots.parse(JSON.parse(stringData["link-roots.json"]))).toEqual({
      current: { generation: 1, secret: rootSecret(`${REGION}.link-root-1`) },
    });
    const nats = { user: "gateway", password: password(`${REGION}.nats-gateway`) };
    expect(natsCredentials.parse(JSON.parse(stringData["nats.json"]))).toEqual(nats);
    const admin = cluster.object<SecretObject>("Secret", `${REGION}.gateway-admin`);
    expect(admin).toMatchObject({ metadata: { name: "gateway-admin" }, stringData: { token } });
  });

  test("accept two generations of the links' secret while it is rotated", async () => {
    const roots = async (linkGeneration: number) => {
      const cluster = await declareRegion({ linkGeneration });
      const { stringData } = cluster.object<SecretObject>("Secret", `${REGION}.gateway`);
      const names = cluster.resources.filter(({ type }) => type.endsWith(":RandomBytes")).map(({ name }) => name);
      return { names, roots: linkRoots.parse(JSON.parse(stringData["link-roots.json"])) };
    };
    const root = (generation: number) => ({ generation, secret: rootSecret(`${REGION}.link-root-${generation}`) });
    expect(await roots(2)).toEqual({
      names: [`${REGION}.link-root-1`, `${REGION}.link-root-2`],
      roots: { current: root(2), previous: root(1) },
    });
    expect(await roots(3)).toEqual({
      names: [`${REGION}.link-root-2`, `${REGION}.link-root-3`],
      roots: { current: root(3), previous: root(2) },
    });
  });
});

describe("how a region is reached", () => {
  const service = (cluster: DeclaredCluster, name: string) =>
    cluster.object<ServiceObject>("Service", `${REGION}.${name}`);

  test("by Services for those inside, for clients, for instances and for KEDA", async () => {
    const cluster = await declareRegion();
    const metadata = { ...METADATA, annotations: SKIP_AWAIT };
    expect(service(cluster, "gateway")).toMatchObject({
      metadata,
      spec: { selector: SELECTOR, ports: [{ name: "http", port: 80, targetPort: "http" }] },
    });
    expect(service(cluster, "gateway-published")).toMatchObject({
      metadata: { ...metadata, name: "gateway-published" },
      spec: { type: "ClusterIP", selector: SELECTOR, ports: [{ name: "http", port: 80, targetPort: "published" }] },
    });
    expect(service(cluster, "gateway-links")).toMatchObject({
      metadata: { ...metadata, name: "gateway-links" },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: SELECTOR,
        ports: [{ name: "link", port: 7080, targetPort: "link" }],
      },
    });
    expect(service(cluster, "gateway-scaler")).toMatchObject({
      metadata: { ...metadata, name: "gateway-scaler" },
      spec: { selector: SELECTOR, ports: [{ name: "grpc", port: 9090, targetPort: "scaler" }] },
    });
    expect(cluster.outputs.url).toBe("http://gateway.shop-production.svc");
  });

  test.each<[string, Partial<KubernetesArgs>, string, number]>([
    ["another port", { service: { port: 8080 } }, "http://gateway.shop-production.svc", 0],
    ["a node's port", { service: { type: "NodePort" } }, "http://gateway.shop-production.svc", 0],
    ["a load balancer", { service: { type: "LoadBalancer" } }, "http://192.0.2.7", 0],
    ["a load balancer's port", { service: { type: "LoadBalancer", port: 8080 } }, "http://192.0.2.7:8080", 0],
    ["an ingress", { ingress: { host: "a.example.com" } }, "http://a.example.com", 1],
    ["an ingress with TLS", { ingress: { host: "a.example.com", tlsSecret: "tls" } }, "https://a.example.com", 1],
    ["a route", { httpRoute: { host: "a.example.com", gateway: { name: "web" } } }, "https://a.example.com", 1],
    [
      "an address that wins",
      { url: "https://b.example.com", ingress: { host: "a.example.com" } },
      "https://b.example.com",
      1,
    ],
    [
      "an address of a balancer",
      { url: "https://b.example.com", service: { type: "LoadBalancer" } },
      "https://b.example.com",
      0,
    ],
    ["two proxies", { ingress: { host: "a.example.com" }, trustedProxies: 2 }, "http://a.example.com", 2],
  ])("%s", async (_, args, url, trustedProxies) => {
    const cluster = await declareRegion(args);
    expect(cluster.outputs.url).toBe(url);
    expect(cluster.document(REGION)).toMatchObject({ url, trustedProxies });
  });

  test("a load balancer is waited for until it has an address, not until gateways are ready", async () => {
    const lb = { type: "LoadBalancer", annotations: { "example.com/scheme": "internal" } } as const;
    const cluster = await declareRegion({ service: lb });
    expect(service(cluster, "gateway").metadata.annotations).toEqual(SKIP_AWAIT);
    expect(service(cluster, "gateway").spec).not.toHaveProperty("type");
    expect(service(cluster, "gateway-published").metadata.annotations).toEqual({
      "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress}",
      "example.com/scheme": "internal",
    });
    const named = await declareRegion({ service: lb, url: "https://shop.example.com" });
    expect(service(named, "gateway-published").metadata.annotations).toEqual({
      ...SKIP_AWAIT,
      "example.com/scheme": "internal",
    });
  });

  test("a preview awaits no address of a Service that becomes a load balancer", async () => {
    // the provider answers an update's preview with the status that the Service has so far
    const status = { loadBalancer: {} };
    const outputs = ({ type }: { type: string }) => (type === "kubernetes:core/v1:Service" ? { status } : {});
    const service = { type: "LoadBalancer" } as const;
    const { resources } = await declareProgram(() => createRegion({ service }), { outputs, preview: true });
    const document = resources.find(({ type, name }) => type.endsWith(":ConfigMap") && name === REGION)!;
    expect(document.inputs.data).toEqual({ "document.json": pulumi.runtime.unknownValue });
  });

  test("an Ingress for every path of the host", async () => {
    const annotations = {
      "cert-manager.io/cluster-issuer": "letsencrypt",
      "nginx.ingress.kubernetes.io/proxy-body-size": "1m",
    };
    const ingress = { host: "shop.example.com", className: "nginx", tlsSecret: "shop-tls", annotations };
    expect((await declareRegion({ ingress })).object("Ingress", `${REGION}.gateway`)).toMatchObject({
      metadata: {
        ...METADATA,
        annotations: {
          ...SKIP_AWAIT,
          ...annotations,
          "nginx.ingress.kubernetes.io/proxy-buffering": "off",
          "nginx.ingress.kubernetes.io/proxy-request-buffering": "off",
          "nginx.ingress.kubernetes.io/proxy-read-timeout": "960",
          "nginx.ingress.kubernetes.io/proxy-send-timeout": "960",
        },
      },
      spec: {
        ingressClassName: "nginx",
        tls: [{ hosts: ["shop.example.com"], secretName: "shop-tls" }],
        rules: [
          {
            host: "shop.example.com",
            http: {
              paths: [
                {
                  path: "/",
                  pathType: "Prefix",
                  backend: { service: { name: "gateway-published", port: { name: "http" } } },
                },
              ],
            },
          },
        ],
      },
    });
  });

  test("an HTTPRoute of a Gateway that exists", async () => {
    const gateway = { name: "web", namespace: "infra", sectionName: undefined };
    const cluster = await declareRegion({ httpRoute: { host: "shop.example.com", gateway }, service: { port: 8080 } });
    expect(cluster.object("HTTPRoute", `${REGION}.gateway`)).toEqual({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: METADATA,
      spec: {
        hostnames: ["shop.example.com"],
        parentRefs: [{ name: "web", namespace: "infra" }],
        rules: [{ backendRefs: [{ name: "gateway-published", port: 8080 }], timeouts: { request: "960s" } }],
      },
    });
    expect(cluster.resources.filter(({ type }) => type.endsWith(":Ingress"))).toEqual([]);
  });
});

class Keda extends pulumi.CustomResource {}

describe("the region's place", () => {
  test("a provider whose cluster stays the same when its kubeconfig changes", async () => {
    const inputs = async (args: Partial<KubernetesArgs>) => (await declareRegion(args)).object("kubernetes", REGION);
    const common = { enableConfigMapMutable: "true", enableServerSideApply: "true" };
    expect(await inputs({})).toEqual({ ...common, clusterIdentifier: REGION });
    expect(await inputs({ context: "eu" })).toEqual({ ...common, context: "eu", clusterIdentifier: "eu" });
    expect(await inputs({ clusterIdentifier: "frankfurt", kubeconfig: "text", context: "eu" })).toEqual({
      ...common,
      context: "eu",
      kubeconfig: "text",
      clusterIdentifier: "frankfurt",
    });
  });

  test("a kubeconfig of the program's may come to be another cluster's, which the provider finds out", async () => {
    const { inputs } = (await declareRegion({ kubeconfig: pulumi.output("text"), context: "eu" })).resource(
      "kubernetes",
      REGION,
    );
    expect(Object.keys(inputs)).not.toContain("clusterIdentifier");
  });

  test("objects of two stacks differ, so that neither takes over what is the other's", async () => {
    const cluster = await declareRegion();
    for (const { resource, object } of cluster.objects) {
      const { labels } = object.metadata as { labels: Record<string, string> };
      expect([resource.name, labels["fullcode/stack"]]).toEqual([resource.name, "shop.dev"]);
    }
    const { spec } = cluster.object<Deployment>("Deployment", `${REGION}.gateway`);
    expect(Object.keys(spec.template.metadata.labels ?? {})).not.toContain("fullcode/stack");
  });

  test("what the environment depends on is there before all that the region has", async () => {
    const declared = await declareCluster(() => {
      const keda = new Keda("test:index:Keda", "keda", {});
      const regions = { eu: kubernetes(GATEWAY) };
      new Environment("production", { app: new ServerlessApp("shop"), type: "live", regions }, { dependsOn: [keda] });
    });
    const keda = declared.resource("index:Keda", "keda").urn;
    const own = declared.resources.filter(({ type }) => /^(?:kubernetes|random):/.test(type));
    expect(own.filter(({ dependencies }) => !dependencies.includes(keda))).toEqual([]);
  });

  test("a namespace that exists is left as it is", async () => {
    const cluster = await declareRegion({ namespace: "team-a", createNamespace: false });
    expect(cluster.resources.filter(({ type }) => type.endsWith(":Namespace"))).toEqual([]);
    for (const { resource, object } of cluster.objects)
      expect([resource.name, (object.metadata as Metadata).namespace]).toEqual([resource.name, "team-a"]);
  });

  test("labels and annotations are on everything, pods among it", async () => {
    const labels = { "example.com/team": "checkout" };
    const annotations = { "example.com/contact": "checkout@example.com" };
    const ingress = { host: "a.example.com" };
    const cluster = await declareRegion({ labels, annotations, ingress, nats: { replicas: 3 } });
    expect(cluster.objects.length).toBeGreaterThan(20);
    for (const { object } of cluster.objects) {
      expect(object.metadata).toMatchObject({ labels, annotations });
      const { template } = (object.spec ?? {}) as { template?: { metadata: Metadata } };
      if (template !== undefined) expect(template.metadata).toMatchObject({ labels, annotations });
    }
    const { spec } = cluster.object<Deployment>("Deployment", `${REGION}.gateway`);
    expect(spec.selector).toEqual({ matchLabels: SELECTOR });
  });

  test("pods are scheduled as the arguments say", async () => {
    const scheduling = {
      nodeSelector: { pool: "functions" },
      tolerations: [{ key: "dedicated", operator: "Equal", value: "functions", effect: "NoSchedule" } as const],
      priorityClassName: "high",
      imagePullSecrets: ["registry-login"],
    };
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } };
    const cluster = await declareRegion({ ...scheduling, affinity: { nodeAffinity } });
    for (const [kind, name] of [
      ["Deployment", "gateway"],
      ["StatefulSet", "nats"],
    ]) {
      const { spec } = cluster.object<Deployment>(kind, `${REGION}.${name}`);
      expect(spec.template.spec).toMatchObject({
        ...scheduling,
        imagePullSecrets: [{ name: "registry-login" }],
        affinity: { nodeAffinity, podAntiAffinity: expect.anything() as object },
      });
    }
  });

  test("nodes log in at the registry with the region's credentials", async () => {
    const auth = async (registry: string) => {
      const registryCredentials = { username: "ci", password: pulumi.secret("s3cret") };
      const cluster = await declareRegion({ registry, registryCredentials, imagePullSecrets: ["other"] });
      const secret = cluster.object<SecretObject>("Secret", `${REGION}.registry`);
      expect(secret.type).toBe("kubernetes.io/dockerconfigjson");
      const { spec } = cluster.object<Deployment>("Deployment", `${REGION}.gateway`);
      const names = [{ name: "other" }, { name: "registry-pull" }];
      expect(spec.template.spec.imagePullSecrets).toEqual(names);
      return JSON.parse(secret.stringData[".dockerconfigjson"]) as unknown;
    };
    const login = { username: "ci", password: "s3cret", auth: Buffer.from("ci:s3cret").toString("base64") };
    expect(await auth("registry.example.com:5000/shop")).toEqual({ auths: { "registry.example.com:5000": login } });
    for (const hub of ["acme", "docker.io/acme"])
      expect(await auth(hub)).toEqual({ auths: { "https://index.docker.io/v1/": login } });
  });

  test("credentials that each deployment brings anew change one Secret and no pod", async () => {
    const declare = (password: string) =>
      declareRegion({ registryCredentials: { username: "ci", password: pulumi.secret(password) } });
    const [before, after] = [await declare("token-1"), await declare("token-2")];
    const name = `${REGION}.registry`;
    const [old, secret] = [before, after].map((cluster) => cluster.object<SecretObject>("Secret", name));
    expect(secret.stringData).not.toEqual(old.stringData);
    expect(secret.metadata.name).toBe("registry-pull");
    const { urn } = after.resource("Secret", name);
    for (const [kind, program] of [
      ["Deployment", `${REGION}.gateway`],
      ["StatefulSet", `${REGION}.nats`],
    ]) {
      const { dependencies, propertyDependencies } = after.resource(kind, program);
      expect(after.object(kind, program)).toEqual(before.object(kind, program));
      expect(dependencies).toContain(urn);
      expect(Object.values(propertyDependencies).flat()).not.toContain(urn);
    }
    // another Secret does roll them: their pods have its name, which is made up at each change
    const gateway = after.resource("Secret", `${REGION}.gateway`).urn;
    expect(after.resource("Deployment", `${REGION}.gateway`).propertyDependencies.spec).toContain(gateway);
  });

  test("nodes may log in with other credentials than those that push", async () => {
    const pushed: ImageRequest["credentials"][] = [];
    const imageBuilder = {
      build: (_: string, { credentials }: ImageRequest) => {
        pushed.push(credentials);
        return { reference: pulumi.output("image@sha256:0"), digest: pulumi.output("sha256:0") };
      },
    };
    const registryCredentials = { username: "ci", password: pulumi.secret("short-lived") };
    const pullCredentials = { username: "nodes", password: pulumi.secret("long-lived") };
    const cluster = await declareRegion({ registryCredentials, pullCredentials, imageBuilder, gateway: {} });
    expect(pushed).toEqual([registryCredentials]);
    const { stringData } = cluster.object<SecretObject>("Secret", `${REGION}.registry`);
    expect(JSON.parse(stringData[".dockerconfigjson"])).toMatchObject({
      auths: { "registry.example.com": { username: "nodes", password: "long-lived" } },
    });
  });

  test("without an autoscaler nothing of KEDA's is there, and a note says so", async () => {
    const note = jest.spyOn(console, "log").mockImplementation();
    const cluster = await declareRegion({ autoscaler: "none" });
    expect(cluster.resources.filter(({ name }) => name.endsWith(".gateway-scaler"))).toEqual([]);
    expect(JSON.stringify(note.mock.calls)).toContain('region \\"production/eu\\" has no autoscaler');
  });
});

describe("transform", () => {
  test("changes objects of its kind, and their options", async () => {
    const places: string[] = [];
    const cluster = await declareRegion({
      transform: {
        Deployment: (deployment, options, { environment, region }) => {
          places.push(`${environment}/${region}`);
          deployment.spec.template.spec.hostAliases = [{ ip: "10.0.0.1", hostnames: ["db"] }];
          deployment.metadata.annotations = { "pulumi.com/timeoutSeconds": "60" };
          options.protect = true;
        },
        Service: (service) => {
          if (service.metadata.name === "gateway") service.spec.externalTrafficPolicy = "Local";
        },
        Provider: (provider) => (provider.kubeClientSettings = { qps: 50 }),
      },
    });
    expect(places).toEqual(["production/eu"]);
    expect(cluster.object("Deployment", `${REGION}.gateway`)).toMatchObject({
      metadata: { annotations: { "pulumi.com/timeoutSeconds": "60" } },
      spec: { template: { spec: { hostAliases: [{ ip: "10.0.0.1", hostnames: ["db"] }] } } },
    });
    expect(cluster.object<ServiceObject>("Service", `${REGION}.gateway`).spec).toHaveProperty("externalTrafficPolicy");
    expect(cluster.object<ServiceObject>("Service", `${REGION}.nats`).spec).not.toHaveProperty("externalTrafficPolicy");
    expect(cluster.object("kubernetes", REGION)).toMatchObject({ kubeClientSettings: JSON.stringify({ qps: 50 }) });
  });
});

interface Metadata {
  name?: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
interface Deployment {
  metadata: Metadata;
  spec: {
    replicas: number;
    selector: object;
    template: {
      metadata: Metadata;
      spec: {
        containers: { env: { name: string; value: string }[]; securityContext: object }[];
        volumes: object[];
        affinity: object;
        topologySpreadConstraints: object[];
        imagePullSecrets?: object[];
      };
    };
  };
}
interface SecretObject {
  metadata: Metadata;
  type?: string;
  stringData: Record<string, string>;
}
interface ServiceObject {
  metadata: Metadata;
  spec: object;
}
