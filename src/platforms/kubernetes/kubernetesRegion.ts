import * as pulumi from "@pulumi/pulumi";

import type { RegionDocument } from "../../spec";
import type {
  FunctionPlatform,
  FunctionResources,
  RegionPlatform,
  RegionResources,
  TriggerDocument,
  TriggerResources,
} from "../platform";
import { transformDocument } from "../transformDocument";
import { createDocument } from "./documents";
import { createFunctionDeployment } from "./functionDeployment";
import { changed, createFunctionSecrets, createParams } from "./functionSecrets";
import { createGatewayAccess } from "./gatewayAccess";
import { createGatewayDeployment } from "./gatewayDeployment";
import { createGatewayRoutes } from "./gatewayRoutes";
import { createGatewaySecrets } from "./gatewaySecrets";
import { createGatewayServices } from "./gatewayServices";
import type { FunctionSource, Images } from "./images";
import { instanceConfig } from "./instanceConfig";
import { kedaHooks } from "./kedaAdvice";
import { LinkRootSecrets } from "./linkRoots";
import { createNats } from "./nats";
import { createFunctionPolicy, createNetworkPolicies } from "./networkPolicies";
import { createProvider } from "./provider";
import { createPullSecret } from "./pullSecret";
import { type CreatedObject, RegionObjects } from "./regionObjects";
import { createScaledObject } from "./scaledObject";
import { loadBalancerUrl } from "./serviceUrl";
import type { RegionSettings } from "./settings";

/** Pod security level of a namespace: enforced, and named in warnings and in the audit log. */
const RESTRICTED = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/warn": "restricted",
  "pod-security.kubernetes.io/audit": "restricted",
};

/** A region whose resources are objects of a cluster. */
export class KubernetesRegion implements RegionPlatform {
  readonly url: pulumi.Output<string>;
  readonly insideUrl: pulumi.Output<string>;
  readonly runsImages = true;
  readonly provider: pulumi.ProviderResource;
  readonly namespace: pulumi.Output<string>;
  private readonly objects: RegionObjects;
  /** Prefix or suffix of names of resources; names of regions and functions have no dots of their own. */
  private readonly suffix: string;
  private readonly roots: LinkRootSecrets;
  private readonly params: CreatedObject | undefined;
  private readonly document: pulumi.Output<RegionDocument>;
  private readonly gateway: CreatedObject;
  /** Service that KEDA asks. */
  private readonly scaler: CreatedObject | undefined;
  private readonly kedaHooks: pulumi.ResourceHookBinding | undefined;
  /** Name of a function → its document's object. */
  private readonly functions = new Map<string, CreatedObject>();

  constructor(
    private readonly settings: RegionSettings,
    private readonly images: Images,
    { document, owner, params, transform }: RegionResources,
    parent: pulumi.ComponentResource,
  ) {
    const { place, linkGeneration } = settings;
    const name = (this.suffix = `${place.environment}.${place.region}`);
    this.provider = createProvider(name, settings, parent);
    this.objects = new RegionObjects(settings, this.provider);
    const { objects } = this;
    this.namespace = settings.createNamespace
      ? objects.createNamespace(name, RESTRICTED, parent).metadata.name
      : pulumi.output(settings.namespace);
    createPullSecret(objects, name, settings, parent);
    this.roots = new LinkRootSecrets(name, linkGeneration, parent);
    if (params !== undefined) {
      const { values, options } = changed(params, transform?.params, parent, place);
      this.params = createParams(objects, name, values, options);
    }
    const services = createGatewayServices(objects, name, settings, parent);
    this.scaler = services.scaler;
    this.url = settings.url.isFinal ? pulumi.output(settings.url.text) : loadBalancerUrl(services.published, settings);
    this.insideUrl = pulumi.output(settings.insideUrl);

    const options: pulumi.CustomResourceOptions = { parent };
    const content = transformDocument(document, transform?.document, options, place);
    const isFinal = settings.url.isFinal || content.url !== document.url;
    const later = isFinal ? undefined : { url: this.url };
    const regionObject = createDocument(objects, name, { document: content, later }, options);
    this.document = pulumi.output({ ...content, ...later });

    createNetworkPolicies(objects, name, settings, content, parent);
    const access = createGatewayAccess(objects, name, settings.namespace, parent);
    const nats = createNats(objects, name, settings, parent);
    const secret = createGatewaySecrets(objects, name, { roots: this.roots, nats: nats.credentials }, parent);
    const gatewayArgs = {
      image: images.ofGateway(settings, owner),
      secretName: secret.metadata.name,
      dependsOn: [regionObject, ...access, ...nats.dependsOn],
    };
    this.gateway = createGatewayDeployment(objects, name, settings, gatewayArgs, parent);
    createGatewayRoutes(objects, name, settings, { parent, dependsOn: [this.gateway] });
    const label = `${place.environment}/${place.region}`;
    if (settings.autoscaler === "keda") this.kedaHooks = kedaHooks(label, parent);
    else
      void pulumi.log.info(
        `region "${label}" has no autoscaler: each function has \`scale.min\` instances, at least one`,
        parent,
      );
  }

  problemWithFunction(source: FunctionSource): string | undefined {
    return this.images.problemWith(this.settings, source);
  }

  createFunction(resources: FunctionResources, parent: pulumi.ComponentResource): FunctionPlatform {
    const { objects, settings, suffix, roots, params } = this;
    const { place, namespace, insideUrl, linkGeneration } = settings;
    const { owner, variables, agency, egress, transform } = resources;
    const name = `${resources.document.name}.${suffix}`;
    const image = this.images.ofFunction(settings, resources, owner);

    const options: pulumi.CustomResourceOptions = { parent };
    const document = transformDocument(resources.document, transform?.document, options, place);
    const later = { image: image.reference };
    this.functions.set(document.name, createDocument(objects, name, { document, later }, options));

    const token = roots.token(document.name);
    const secretsArgs = { document, token, params, variables, agency, place, transform };
    const secrets = createFunctionSecrets(objects, name, secretsArgs, parent);
    createFunctionPolicy(objects, name, settings, document.name, egress, parent);
    const { entrypoint } = image;
    const config = this.document.apply((region) =>
      instanceConfig({ document, entrypoint, region, insideUrl, namespace, linkGeneration, secrets }),
    );
    const deployment = createFunctionDeployment(
      objects,
      name,
      settings,
      { document, image: image.reference, config, secrets },
      // gateways accept a new generation of the link's secret before functions show it
      { parent, dependsOn: [this.gateway] },
    );
    if (this.scaler !== undefined) {
      const { kedaHooks: hooks, scaler } = this;
      createScaledObject(objects, name, settings, document, { parent, dependsOn: [deployment, scaler], hooks });
    }
    return { imageDigest: image.digest };
  }

  createTrigger<Document extends TriggerDocument>(
    { document, transform }: TriggerResources<Document>,
    parent: pulumi.ComponentResource,
  ): void {
    const target = this.functions.get(document.function);
    const options: pulumi.CustomResourceOptions = { parent, dependsOn: target === undefined ? [] : [target] };
    const content = transformDocument(document, transform?.document, options, this.settings.place);
    createDocument(this.objects, `${document.name}.${this.suffix}`, { document: content }, options);
  }
}
