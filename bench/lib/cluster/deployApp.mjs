// The program of the benchmarks' region, deployed by the engine of the cluster's tests; a process of its own, because a
// Pulumi program is one a process and its project is the current folder.
import fullcode from "../../../dist/index.js";
import { requireTypeScript } from "../typescript.mjs";

const { openStack } = requireTypeScript("test/cluster/support/testStack.ts");
const { EndpointTrigger, Environment, FullCodeFunction, kubernetes, ServerlessApp } = fullcode;

const {
  app: name,
  environment: type,
  kubeconfig,
  registry,
  nodeImage,
  natsImage,
  functions,
} = JSON.parse(process.argv[2]);

const stack = await openStack(name, type);
await stack.deploy(() => {
  const app = new ServerlessApp(name);
  const platform = kubernetes({ kubeconfig, registry, nodeImage, nats: { image: natsImage } });
  const environment = new Environment(type, { app, type, regions: { bench: platform } });
  for (const { path, ...args } of functions) {
    const own = new FullCodeFunction(args.name, {
      app,
      environments: [environment],
      code: args.code,
      scale: args.scale,
    });
    new EndpointTrigger(args.name, { function: own, path });
  }
  return {};
});
process.disconnect?.();
