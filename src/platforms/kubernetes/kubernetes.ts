import type { Platform, PlannedRegion, RegionPlan } from "../platform";
import { checkArguments } from "./checkArguments";
import { Images } from "./images";
import type { KubernetesArgs } from "./kubernetesArgs";
import { KubernetesRegion } from "./kubernetesRegion";
import { takeNamespace } from "./namespaces";
import { problemWithPackages } from "./packages";
import { ArgumentProblems } from "./problems";
import { settle } from "./settings";

/** What the regions of each program share. */
const imagesOfPrograms = new WeakMap<object, Images>();

/**
 * A region in a Kubernetes cluster: a namespace with gateways, NATS JetStream, and a Deployment for each function that KEDA
 * scales between `scale.min` and `scale.max`.
 *
 * Needs the packages `@pulumi/kubernetes`, `@pulumi/random` and, unless there is another `imageBuilder`, `@pulumi/docker`,
 * and KEDA in the cluster.
 */
export function kubernetes(args: KubernetesArgs): Platform {
  return { kind: "kubernetes", plan: (region, scope) => ({ ...plan(args, region, scope), params: args.params }) };
}

function plan(args: KubernetesArgs, { app, place }: PlannedRegion, scope: object): RegionPlan {
  const problems = new ArgumentProblems();
  checkArguments(args, problems);
  const docker = args.imageBuilder === undefined ? (["@pulumi/docker"] as const) : [];
  problems.add("", problemWithPackages(["@pulumi/kubernetes", "@pulumi/random", ...docker]));
  if (problems.found.length === 0) problems.add("namespace", takeNamespace(scope, args, app, place));
  if (problems.found.length > 0) return failed(problems);
  const settings = settle(args, app, place);
  const images = imagesOfPrograms.get(scope) ?? new Images();
  imagesOfPrograms.set(scope, images);
  for (const [argument, message] of images.addRegion(settings)) problems.add(argument, message);
  problems.add("gateway", images.problemWithGateway(settings));
  if (problems.found.length > 0) return failed(problems);
  return {
    problems: [],
    document: { url: settings.url.text, trustedProxies: settings.trustedProxies },
    create: (region, parent) => new KubernetesRegion(settings, images, region, parent),
  };
}

function failed({ found }: ArgumentProblems): RegionPlan {
  const create = () => {
    throw new Error("a region with problems is not made");
  };
  return { problems: found, document: { url: "http://gateway" }, create };
}
