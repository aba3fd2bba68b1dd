import { createHash } from "node:crypto";

import type { OutputsOf } from "./declareProgram";

/** What the providers of `kubernetes()` regions add to their resources, the same in every run. */
export const clusterProviders: OutputsOf = ({ type, name, inputs }) => {
  const { metadata, imageName, spec } = inputs as { metadata: Metadata; imageName: string; spec?: { type?: string } };
  if (type === "random:index/randomBytes:RandomBytes") return { base64: rootSecret(name) };
  if (type === "random:index/randomPassword:RandomPassword") return { result: password(name) };
  if (type === "docker:index/image:Image") return { repoDigest: repoDigest(imageName) };
  if (!type.startsWith("kubernetes:")) return {};
  const hasAddress = type === "kubernetes:core/v1:Service" && spec?.type === "LoadBalancer";
  return {
    metadata: { ...metadata, name: metadata.name ?? autonamed(name) },
    ...(hasAddress && { status: { loadBalancer: { ingress: [{ ip: LOAD_BALANCER_ADDRESS }] } } }),
  };
};

export const LOAD_BALANCER_ADDRESS = "192.0.2.7";

interface Metadata {
  name?: string;
}

/** What the provider names an object that has no name of its own. */
export function autonamed(resource: string): string {
  return `${resource}-${hash(resource).slice(0, 8)}`;
}

/** Base64 of 32 bytes. */
export function rootSecret(resource: string): string {
  return createHash("sha256").update(resource).digest("base64");
}

export function password(resource: string): string {
  return `password0of0${hash(resource).slice(0, 20)}`;
}

/** Reference of an image by its digest. */
export function repoDigest(imageName: string): string {
  return `${imageName.slice(0, imageName.lastIndexOf(":"))}@sha256:${hash(imageName)}`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
