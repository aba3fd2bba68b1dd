import * as pulumi from "@pulumi/pulumi";
import {
  CronTrigger,
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  kubernetes,
  QueueTrigger,
  ServerlessApp,
} from "fullcode";

const config = new pulumi.Config();
const registry = config.require("registry");

const app = new ServerlessApp("shop", {
  params: { currency: "EUR", paymentKey: config.requireSecret("paymentKey") },
});

const production = new Environment("production", {
  app,
  type: "production",
  regions: {
    "eu-west": kubernetes({ context: config.get("euContext") ?? "eu", registry }),
    "us-east": kubernetes({
      context: config.get("usContext") ?? "us",
      registry,
      // on top of the app's: all others are the same
      params: { currency: "USD", paymentKey: config.requireSecret("usPaymentKey") },
    }),
  },
});

const orders = new FullCodeFunction("orders", {
  app,
  environments: [production],
  code: "functions/orders",
  // the larger market keeps an instance warm and may have more of them
  regions: { "eu-west": { scale: { min: 1, max: 40 } } },
});
new EndpointTrigger("place-order", { function: orders, method: "POST", path: "/orders" });
new EndpointTrigger("get-price", { function: orders, path: "/prices/:sku" });

const fulfilment = new FullCodeFunction("fulfilment", {
  app,
  environments: [production],
  code: "functions/fulfilment",
  scale: { idle: 60 },
});
new QueueTrigger("fulfil-order", { function: fulfilment, queue: "orders", maxDeliveries: 5 });
// one region does the daily work for both
new CronTrigger("stock-count", {
  function: fulfilment,
  schedule: "0 3 * * *",
  timezone: "Europe/Istanbul",
  regions: ["eu-west"],
});

export const urls = production.urls;
