import {
  CronTrigger,
  type CronTriggerArgs,
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  type FullCodeFunctionArgs,
  kubernetes,
  type KubernetesArgs,
  QueueTrigger,
  ServerlessApp,
} from "../../../src";
import { codeFolder } from "../../support/codeFolder";
import { NATS_IMAGE, NODE_IMAGE, REGISTRY } from "./machine";
import type { RegionName } from "./regions";

/** A small app whose one function does what its caller asks for, and says which version of it did. */
export interface ShopOptions {
  /** Part of the function's code: another one is another image. */
  version?: string;
  regions?: readonly RegionName[];
  /** Where each invocation is reported to, if anywhere. */
  collector?: string;
  platform?: Partial<KubernetesArgs>;
  work?: Partial<FullCodeFunctionArgs>;
  schedule?: string;
  /** What happens to firings that no gateway was there for. */
  missed?: CronTriggerArgs["missed"];
}

const WORK = (version: string) => `
const { hostname } = require("node:os");
const { setTimeout: sleep } = require("node:timers/promises");

module.exports = async function (req, res) {
  const { ms = 0, fail } = req.trigger.type === "endpoint" ? req.query : (req.body ?? {});
  await sleep(Number(ms));
  const { region, deliveryAttempt } = req.appInfo;
  const { type, scheduledTime } = req.trigger;
  const report = { version: ${JSON.stringify(version)}, pod: hostname(), region, type, scheduledTime, deliveryAttempt, body: req.body };
  if (process.env.COLLECTOR !== undefined)
    await fetch(process.env.COLLECTOR, { method: "POST", body: JSON.stringify(report) });
  if (fail) throw new Error("asked to fail");
  res.json(report);
};
`;

/** Selects the pods of the app's function. */
export const WORK_PODS = "fullcode/function=work";
/** Selects the gateways' pods. */
export const GATEWAY_PODS = "app.kubernetes.io/component=gateway";

/** Name of the app's namespace in each region. */
export function namespaceOf(app: string): string {
  return `${app}-test`;
}

/** Declares the app: `GET /work?ms=…`, queue `jobs`, and a schedule where one is given. */
export function declareShop(name: string, options: ShopOptions = {}) {
  const { version = "1", regions = ["eu"], collector, platform = {}, work = {}, schedule, missed } = options;
  const app = new ServerlessApp(name);
  const environment = new Environment("test", {
    app,
    type: "test",
    regions: Object.fromEntries(
      regions.map((context) => [
        context,
        kubernetes({
          context,
          registry: `${REGISTRY}/${name}`,
          nodeImage: NODE_IMAGE,
          nats: { image: NATS_IMAGE, memory: 128 },
          gateway: { cpu: 0.1, memory: 256 },
          pollingInterval: 1,
          // Kubernetes' own five minutes would be most of a test
          scalingBehavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
          ...platform,
        }),
      ]),
    ),
  });
  const worker = new FullCodeFunction("work", {
    app,
    environments: [environment],
    code: codeFolder({ "src/index.js": WORK(version) }),
    cpu: 0.05,
    memory: 128,
    ...(collector !== undefined && {
      variables: { COLLECTOR: collector },
      egress: [{ cidr: `${new URL(collector).hostname}/32` }],
    }),
    ...work,
  });
  new EndpointTrigger("work", { function: worker, path: "/work" });
  new EndpointTrigger("work-on", { function: worker, method: "POST", path: "/work" });
  new QueueTrigger("jobs", { function: worker, queue: "jobs" });
  if (schedule !== undefined) new CronTrigger("ticks", { function: worker, schedule, missed });
  return { urls: environment.urls };
}

/** Sends a message to the queue `jobs` of a gateway. */
export async function sendMessage(url: string, body: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const { status } = await fetch(`${url}/queues/jobs`, { method: "POST", headers, body: JSON.stringify(body) });
  if (status !== 202) throw new Error(`a message was answered with ${status}`);
}
