import { existsSync } from "node:fs";

import { EndpointTrigger, Environment, FullCodeFunction, local, QueueTrigger, ServerlessApp } from "fullcode";

const app = new ServerlessApp("greetings", { params: { mark: "!" } });

const development = new Environment("development", { app, type: "development", regions: { here: local() } });

/** What the build.sh of each language makes, and which function of it is run. */
const packages = {
  bash: { code: "bash/build", handler: "greeter.greet" },
  go: { code: "go/build", handler: "greet" },
  java: { code: "java/build/greeter.jar", handler: "greeter.Greeter" },
  python: { code: "python/build/greeter.zip", handler: "greeter.greet" },
  rust: { code: "rust/build", handler: "greet" },
};

for (const [language, { code, handler }] of Object.entries(packages)) {
  if (!existsSync(code)) {
    console.warn(`${language} is left out, since its package is not there: run ${language}/build.sh`);
    continue;
  }
  // the Bash loop takes one event at a time, the others as many as RUNTIME_CONCURRENCY says
  const concurrency = language === "bash" ? 1 : 4;
  const greeter = new FullCodeFunction(language, {
    app,
    environments: [development],
    runtime: "custom",
    code,
    handler,
    concurrency,
  });
  new EndpointTrigger(`greet-in-${language}`, { function: greeter, method: "ANY", path: `/${language}/:name` });
  new QueueTrigger(`${language}-greetings`, { function: greeter, queue: `${language}-greetings`, maxDeliveries: 2 });
}

export const urls = development.urls;
