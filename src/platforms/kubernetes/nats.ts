import * as pulumi from "@pulumi/pulumi";

import { NATS_NAME, NATS_PORT, type NatsCredentials } from "../../spec";
import { SKIP_AWAIT } from "./awaiting";
import { selectorOf } from "./labels";
import {
  GATEWAY_USER,
  NATS_CLUSTER_PORT,
  NATS_DATA_CLAIM,
  NATS_DATA_FOLDER,
  NATS_MONITOR_PORT,
  NATS_PEER_SERVICE,
  natsConfig,
  type NatsPasswords,
  PUBLISHER_INBOX_PREFIX,
  PUBLISHER_USER,
  queueSubjectPrefix,
  SERVER_NAME_VARIABLE,
  statefulSetName,
} from "./natsConfig";
import { loadPackage } from "./packages";
import { fieldOfPod, httpProbe, podSpec, preferOtherNodes, SECRET_FILE_MODE, spreadOver } from "./pod";
import { mebibytes, parseStorage } from "./quantities";
import type { RegionObjects } from "./regionObjects";
import type { RegionSettings } from "./settings";

const CONFIG_FOLDER = "/etc/nats-config";
const CONFIG_FILE = "nats.conf";
/** Fixed name of the Secret with what other programs need to send messages. */
const PUBLISHER_SECRET = "nats-publisher";
const PASSWORD_LENGTH = 32;
/** Share of a container's memory that the server's garbage collector keeps to. */
const MEMORY_TARGET = 0.9;
/** What a server takes without much traffic. */
const REQUESTED_MEMORY_MIB = 128;
const GRACE_SECONDS = 60;
const ROLE = { name: NATS_NAME, component: "nats" };

type OwnNats = NonNullable<RegionSettings["nats"]["own"]>;

/** A NATS as the gateways see it. */
export interface RegionNats {
  credentials: pulumi.Input<NatsCredentials>;
  /** What has to be there before a gateway starts. */
  dependsOn: readonly pulumi.Resource[];
}

/** Makes the region's own NATS servers, unless it uses some that exist. */
export function createNats(
  objects: RegionObjects,
  name: string,
  settings: RegionSettings,
  parent: pulumi.Resource,
): RegionNats {
  const { own, replicas, credentials } = settings.nats;
  if (own === undefined) return { credentials: pulumi.secret(credentials), dependsOn: [] };
  const passwords = createPasswords(name, replicas, parent);
  const config = pulumi.secret(passwords).apply((values) => natsConfig(settings, values));
  const secret = objects.create(
    "Secret",
    `${name}.nats`,
    { ...ROLE, objectName: undefined },
    { stringData: { [CONFIG_FILE]: config } },
    { parent },
  );
  const publisher = {
    url: settings.nats.url,
    user: PUBLISHER_USER,
    password: passwords.publisher,
    subjectPrefix: queueSubjectPrefix(settings),
    inboxPrefix: PUBLISHER_INBOX_PREFIX,
  };
  const publisherIdentity = { ...ROLE, objectName: PUBLISHER_SECRET };
  objects.create("Secret", `${name}.nats-publisher`, publisherIdentity, { stringData: publisher }, { parent });
  createServices(objects, name, replicas, parent);
  const matchLabels = selectorOf("nats");
  const identity = { ...ROLE, objectName: NATS_NAME };
  const disruption = { maxUnavailable: 1, selector: { matchLabels } };
  objects.create("PodDisruptionBudget", `${name}.nats`, identity, { spec: disruption }, { parent });
  const servers = createServers(objects, name, settings, own, secret.metadata.name, parent);
  const gateway = passwords.gateway.apply((password): NatsCredentials => ({ user: GATEWAY_USER, password }));
  return { credentials: gateway, dependsOn: [servers] };
}

function createPasswords(
  name: string,
  replicas: number,
  parent: pulumi.Resource,
): Record<keyof NatsPasswords, pulumi.Output<string>> {
  const { RandomPassword } = loadPackage("@pulumi/random")!;
  const create = (user: string) => {
    const args = { length: PASSWORD_LENGTH, special: false };
    return pulumi.secret(new RandomPassword(`${name}.nats-${user}`, args, { parent }).result);
  };
  const cluster = replicas > 1 ? create("cluster") : pulumi.secret("");
  return { gateway: create(GATEWAY_USER), publisher: create(PUBLISHER_USER), cluster };
}

function createServers(
  objects: RegionObjects,
  name: string,
  settings: RegionSettings,
  own: OwnNats,
  secretName: pulumi.Input<string>,
  parent: pulumi.Resource,
): pulumi.Resource {
  const { replicas } = settings.nats;
  const spec = {
    replicas,
    serviceName: NATS_PEER_SERVICE,
    // servers of a cluster become ready together
    podManagementPolicy: "Parallel",
    selector: { matchLabels: selectorOf("nats") },
    template: objects.podTemplate(ROLE, natsPod(settings, own, secretName)),
    volumeClaimTemplates: [volumeClaim(own)],
  };
  const options = {
    parent,
    // Kubernetes lets nobody change them, and servers that are made anew for it would not get larger disks either
    ignoreChanges: ["spec.volumeClaimTemplates"],
    // beside each other, a single server and a cluster would both get messages
    deleteBeforeReplace: true,
  };
  const identity = { ...ROLE, objectName: statefulSetName(replicas) };
  return objects.create("StatefulSet", `${name}.nats`, identity, { spec }, options);
}

function createServices(objects: RegionObjects, name: string, replicas: number, parent: pulumi.Resource): void {
  const selector = selectorOf("nats");
  // the StatefulSet waits for the same pods
  const role = { ...ROLE, annotations: SKIP_AWAIT };
  const client = { name: "nats", port: NATS_PORT, targetPort: "nats" };
  const spec = { selector, ports: [client] };
  objects.create("Service", `${name}.nats`, { ...role, objectName: NATS_NAME }, { spec }, { parent });
  const peers = {
    clusterIP: "None" as const,
    publishNotReadyAddresses: true,
    selector,
    ports: replicas > 1 ? [client, { name: "cluster", port: NATS_CLUSTER_PORT, targetPort: "cluster" }] : [client],
  };
  const identity = { ...role, objectName: NATS_PEER_SERVICE };
  objects.create("Service", `${name}.nats-peers`, identity, { spec: peers }, { parent });
}

function natsPod(settings: RegionSettings, { image, memory }: OwnNats, secretName: pulumi.Input<string>) {
  const matchLabels = selectorOf("nats");
  const isCluster = settings.nats.replicas > 1;
  return podSpec({
    gracePeriodSeconds: GRACE_SECONDS,
    affinity: { ...preferOtherNodes(matchLabels), ...settings.affinity },
    topologySpreadConstraints: spreadOver(matchLabels),
    container: {
      name: "nats",
      image,
      // the image's own command is the server, or a script that starts it
      args: ["--config", `${CONFIG_FOLDER}/${CONFIG_FILE}`],
      env: [
        fieldOfPod(SERVER_NAME_VARIABLE, "metadata.name"),
        { name: "GOMEMLIMIT", value: `${Math.floor(memory * MEMORY_TARGET)}MiB` },
      ],
      ports: [
        { name: "nats", containerPort: NATS_PORT },
        ...(isCluster ? [{ name: "cluster", containerPort: NATS_CLUSTER_PORT }] : []),
        { name: "monitor", containerPort: NATS_MONITOR_PORT },
      ],
      resources: {
        requests: { cpu: "100m", memory: mebibytes(Math.min(memory, REQUESTED_MEMORY_MIB)) },
        limits: { memory: mebibytes(memory) },
      },
      // reading the messages of a full disk takes minutes
      startupProbe: httpProbe("/healthz", "monitor", { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 300 }),
      livenessProbe: httpProbe("/healthz?js-enabled-only=true", "monitor", {
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 6,
      }),
      readinessProbe: httpProbe("/healthz?js-server-only=true", "monitor", {
        periodSeconds: 5,
        timeoutSeconds: 5,
        failureThreshold: 3,
      }),
      volumeMounts: [
        { name: "config", mountPath: CONFIG_FOLDER, readOnly: true },
        { name: NATS_DATA_CLAIM, mountPath: NATS_DATA_FOLDER },
      ],
    },
    volumes: [{ name: "config", secret: { secretName, defaultMode: SECRET_FILE_MODE } }],
  });
}

function volumeClaim({ storage, storageClass }: OwnNats) {
  return {
    metadata: { name: NATS_DATA_CLAIM },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(storageClass !== undefined && { storageClassName: storageClass }),
      resources: { requests: { storage: mebibytes(parseStorage(storage)!) } },
    },
  };
}
