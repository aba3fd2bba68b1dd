import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULT_PLATFORM } from "../../image";
import type { RegistryCredentialsArgs } from "./kubernetesArgs";
import type { RegionSettings } from "./settings";

const HASH_LENGTH = 8;

/** Tells images apart that one function or program has, by what seldom differs only where it does. */
export function imageResourceName(name: string, { registry, platform, nodeImage }: RegionSettings): string {
  const parts = [name, registry];
  if (platform !== DEFAULT_PLATFORM) parts.push(platform);
  if (nodeImage !== undefined) parts.push(createHash("sha256").update(nodeImage).digest("hex").slice(0, HASH_LENGTH));
  return parts.join(".");
}

/** The regions of a program that have the same images, which are built once: what else they say of them must agree. */
export class SharedImages {
  /** The first region of each set of images. */
  private readonly first = new Map<string, RegionSettings>();
  /** What images are pushed with: not every region has to have a login of its own. */
  private readonly credentials = new Map<string, RegistryCredentialsArgs>();

  /** Adds a region, or says what is in the way: argument, message. */
  add(settings: RegionSettings): (readonly [argument: string, message: string])[] {
    const key = imageResourceName("", settings);
    const first = this.first.get(key);
    const { revision, imageBuilder, registryCredentials } = settings;
    const pushedWith = this.credentials.get(key);
    const problems: (readonly [argument: string, message: string])[] = [];
    if (first !== undefined) {
      const advice = adviceOn(first);
      if (revision !== first.revision)
        problems.push(["revision", `${shown(revision)} differs from ${shown(first.revision)} of ${advice}`]);
      if (imageBuilder !== first.imageBuilder) problems.push(["imageBuilder", `is another one than that of ${advice}`]);
      if (differ(pushedWith, registryCredentials))
        problems.push(["registryCredentials", `differ from those of ${advice}`]);
    }
    if (problems.length > 0) return problems;
    if (first === undefined) this.first.set(key, settings);
    if (registryCredentials !== undefined)
      this.credentials.set(key, pushedWith === undefined ? registryCredentials : agreed(pushedWith, settings));
    return [];
  }

  /** What a region's images are pushed with, if not with what this machine is logged in with. */
  credentialsOf(settings: RegionSettings): RegistryCredentialsArgs | undefined {
    return this.credentials.get(imageResourceName("", settings));
  }
}

function adviceOn({ place }: RegionSettings): string {
  return (
    `region "${place.environment}/${place.region}", which has the same images: ` +
    "give both regions the same, or one of them another path in the registry"
  );
}

function shown(revision: string | undefined): string {
  return revision === undefined ? "no revision" : `"${revision}"`;
}

/** Says whether two logins differ, as far as it is known yet. */
function differ(a: RegistryCredentialsArgs | undefined, b: RegistryCredentialsArgs | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return (["username", "password"] as const).some(
    (field) => typeof a[field] === "string" && typeof b[field] === "string" && a[field] !== b[field],
  );
}

/** The first login, which fails to resolve where the other one turns out to be another. */
function agreed(first: RegistryCredentialsArgs, settings: RegionSettings): RegistryCredentialsArgs {
  const other = settings.registryCredentials!;
  if (first.username === other.username && first.password === other.password) return first;
  const { environment, region } = settings.place;
  const password = pulumi.all([first, other]).apply(([a, b]) => {
    if (a.username === b.username && a.password === b.password) return a.password;
    throw new pulumi.RunError(
      `regions.${region}.registryCredentials of environment "${environment}" differ from those of another region, ` +
        "which has the same images: give both regions the same, or one of them another path in the registry",
    );
  });
  return { username: first.username, password: pulumi.secret(password) };
}
