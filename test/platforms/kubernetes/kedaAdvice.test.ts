import { credentials } from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import { CallbacksClient } from "@pulumi/pulumi/proto/callback_grpc_pb";
import { CallbackInvokeRequest, type CallbackInvokeResponse } from "@pulumi/pulumi/proto/callback_pb";
import { ErrorHookRequest, ErrorHookResponse, type RegisterErrorHookRequest } from "@pulumi/pulumi/proto/resource_pb";

import { Environment, FullCodeFunction, kubernetes, type KubernetesArgs, ServerlessApp } from "../../../src";
import { codeFolder, removeCodeFolders } from "../../support/codeFolder";
import { declareCluster, inProjectFolder } from "../../support/declareCluster";
import { waitUntil } from "../../support/waitUntil";

inProjectFolder();
let logged: string[] = [];
beforeEach(() => {
  logged = [];
  jest.spyOn(console, "log").mockImplementation();
  jest.spyOn(console, "error").mockImplementation((...parts: unknown[]) => void logged.push(parts.join(" ")));
});
afterAll(removeCodeFolders);

/** What the provider says of a ScaledObject in a cluster without KEDA, as of release 4.34. */
const NO_KEDA =
  'creation of resource "urn:pulumi:…::orders.live.eu" with kind keda.sh/v1alpha1/ScaledObject failed because the Kubernetes ' +
  "API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been " +
  'created: no matches for kind "ScaledObject" in version "keda.sh/v1alpha1"';

function declareFunctions(args: Partial<KubernetesArgs> = {}): void {
  const app = new ServerlessApp("shop");
  const common = { registry: "registry.example.com", gateway: { image: "registry.example.com/gateway:1" } };
  const environment = new Environment("live", {
    app,
    type: "live",
    regions: { eu: kubernetes({ ...common, ...args }) },
  });
  const code = codeFolder({ "src/index.js": "" });
  for (const name of ["orders", "report"]) new FullCodeFunction(name, { app, environments: [environment], code });
}

/** Has the stand-in for the engine take error hooks, as engines do. */
function takeErrorHooks(): { hooks: RegisterErrorHookRequest[]; users: Map<string, string[]> } {
  const hooks: RegisterErrorHookRequest[] = [];
  const users = new Map<string, string[]>();
  const monitor = pulumi.runtime.getMonitor() as unknown as Record<string, unknown>;
  monitor.registerErrorHook = (request: RegisterErrorHookRequest, callback: (error: null) => void) => {
    hooks.push(request);
    callback(null);
  };
  const register = (monitor.registerResource as (request: HookedRequest, callback: unknown) => void).bind(monitor);
  monitor.registerResource = (request: HookedRequest, callback: unknown) => {
    const names = request.getHooks()?.getOnErrorList() ?? [];
    if (names.length > 0) users.set(`${request.getType()} ${request.getName()}`, names);
    register(request, callback);
  };
  return { hooks, users };
}
interface HookedRequest {
  getType(): string;
  getName(): string;
  getHooks(): { getOnErrorList(): string[] } | undefined;
}

/** Tells a hook, as the engine does, that a resource has failed. */
async function tell(hook: RegisterErrorHookRequest, error: string): Promise<ErrorHookResponse> {
  const request = new ErrorHookRequest();
  request.setUrn("urn:pulumi:dev::shop::kubernetes:keda.sh/v1alpha1:ScaledObject::orders.live.eu");
  request.setFailedOperation("create");
  request.setErrorsList([error, "an earlier one"]);
  const call = new CallbackInvokeRequest();
  call.setToken(hook.getCallback()!.getToken());
  call.setRequest(request.serializeBinary());
  const client = new CallbacksClient(hook.getCallback()!.getTarget(), credentials.createInsecure());
  const answer = await new Promise<CallbackInvokeResponse>((resolve, reject) =>
    client.invoke(call, (failure, response) => (failure === null ? resolve(response) : reject(failure))),
  );
  client.close();
  return ErrorHookResponse.deserializeBinary(answer.getResponse_asU8());
}

test("a cluster without KEDA: the engine says once how it is installed, and does not try again", async () => {
  const name = 'KEDA in the cluster of region "live/eu"';
  let users = new Map<string, string[]>();
  await declareCluster(async () => {
    const engine = takeErrorHooks();
    users = engine.users;
    declareFunctions();
    await waitUntil("the hook is registered", () => engine.hooks.length > 0);
    expect(engine.hooks.map((hook) => hook.getName())).toEqual([name]);
    const [hook] = engine.hooks;
    expect((await tell(hook, "the API server is not available")).toObject()).toEqual({ error: "", retry: false });
    expect(logged.join()).not.toContain("KEDA");
    for (let time = 0; time < 2; time++)
      expect((await tell(hook, NO_KEDA)).toObject()).toEqual({ error: "", retry: false });
  });
  expect(Object.fromEntries(users)).toEqual({
    "kubernetes:keda.sh/v1alpha1:ScaledObject orders.live.eu": [name],
    "kubernetes:keda.sh/v1alpha1:ScaledObject report.live.eu": [name],
  });
  const advice = logged.filter((line) => line.includes("KEDA"));
  expect(advice).toHaveLength(1);
  expect(advice[0]).toContain(
    'the cluster of region "live/eu" has no KEDA, which scales its functions. Install it: https://keda.sh/docs/latest/deploy/',
  );
  expect(advice[0]).toContain("https://keda.sh/docs/latest/deploy/");
  expect(advice[0]).toContain('`autoscaler: "none"`');
});

test("an engine without error hooks gets none", async () => {
  const { resources } = await declareCluster(() => declareFunctions());
  expect(resources.filter(({ type }) => type.endsWith(":ScaledObject"))).toHaveLength(2);
});

test("a region without an autoscaler needs none", async () => {
  const taken: RegisterErrorHookRequest[][] = [];
  await declareCluster(() => {
    taken.push(takeErrorHooks().hooks);
    declareFunctions({ autoscaler: "none" });
  });
  expect(taken).toEqual([[]]);
});
