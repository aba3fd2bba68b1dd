import * as pulumi from "@pulumi/pulumi";

import {
  CronTrigger,
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  kubernetes,
  type KubernetesArgs,
  type Platform,
  QueueTrigger,
  ServerlessApp,
} from "../../../src";
import { codeFolder } from "../../support/codeFolder";

/** Values that must be in no registration other than in a secret's envelope. */
export const SECRETS = ["s3cret-key", "s3cret-variable", "s3cret-agency", "s3cret-registry", "s3cret-kubeconfig"];

export const EU: KubernetesArgs = {
  context: "eu",
  registry: "registry.example.com/shop",
  ingress: { host: "eu.shop.example.com", className: "nginx", tlsSecret: "shop-tls" },
};
export const US: KubernetesArgs = {
  context: "us",
  registry: "registry.example.com/shop",
  kubeconfig: pulumi.secret("s3cret-kubeconfig"),
  registryCredentials: { username: "ci", password: pulumi.secret("s3cret-registry") },
  service: { type: "LoadBalancer" },
  nats: { replicas: 3, storage: "20Gi", storageClass: "fast" },
};

/** A small app with one of everything, in two clusters. */
export function declareShop(regions: Record<string, Platform> = { eu: kubernetes(EU), us: kubernetes(US) }) {
  const app = new ServerlessApp("shop", {
    params: { currency: "EUR", limit: 3, key: pulumi.secret("s3cret-key") },
    sessions: { jwksUrl: "https://id.example.com:8443/keys" },
  });
  const production = new Environment("production", { app, type: "live", regions });
  const orders = new FullCodeFunction("orders", {
    app,
    environments: [production],
    code: codeFolder({ "src/index.js": "module.exports = () => {};" }),
    timeout: 12.5,
    memory: 512,
    scale: { min: 1, max: 20, idle: 90.5 },
    variables: { STRIPE_KEY: pulumi.secret("s3cret-variable"), PRICE: "$(CURRENCY)5" },
    egress: ["internet", { namespace: "payments", podLabels: { app: "cards" }, ports: [8443] }],
    regions: { us: { scale: { max: 5 }, egress: [] } },
  });
  const convert = new FullCodeFunction("convert", {
    app,
    environments: [production],
    code: codeFolder({ bootstrap: { text: "#!/bin/sh\n", mode: 0o755 } }),
    baseImage: "eclipse-temurin:21-jre",
    userData: "level=$(LEVEL)",
    variables: { MODE: "fast" },
    agency: { accessKey: "AK", secretKey: pulumi.secret("s3cret-agency") },
  });
  const getOrder = new EndpointTrigger("get-order", { function: orders, path: "/orders/:id", session: "required" });
  const placed = new QueueTrigger("placed", { function: convert, queue: "orders" });
  new CronTrigger("nightly", { function: orders, schedule: "0 2 * * *", regions: ["eu"] });
  return {
    urls: production.urls,
    endpointUrls: getOrder.urls,
    publishUrls: placed.publishUrls,
    digests: orders.imageDigest,
  };
}
