import * as pulumi from "@pulumi/pulumi";
import {
  CronTrigger,
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  local,
  QueueTrigger,
  ServerlessApp,
} from "fullcode";

const config = new pulumi.Config();

const app = new ServerlessApp("shop", {
  params: { currency: "EUR", freeShippingFrom: 50, giftWrap: true },
});

const development = new Environment("development", {
  app,
  type: "development",
  regions: { "eu-west": local(), "us-east": local() },
});

const orders = new FullCodeFunction("orders", {
  app,
  environments: [development],
  code: "functions/orders",
  entrypoint: "src/index.ts",
});
new EndpointTrigger("create-order", {
  function: orders,
  method: "POST",
  path: "/orders",
  example: { body: { orderId: "demo", items: [{ sku: "tea", quantity: 2, price: 30 }] } },
});
new EndpointTrigger("get-order", {
  function: orders,
  path: "/orders/:orderId",
  example: { path: "/orders/demo" },
});

const attachments = new FullCodeFunction("attachments", {
  app,
  environments: [development],
  code: "functions/attachments",
});
new EndpointTrigger("attach-files", {
  function: attachments,
  method: "POST",
  path: "/orders/:orderId/attachments",
  example: { path: "/orders/demo/attachments", form: { note: "receipt", receipt: "@README.md" } },
});

const fulfilment = new FullCodeFunction("fulfilment", {
  app,
  environments: [development],
  code: "functions/fulfilment",
  variables: { WAREHOUSE_KEY: config.getSecret("warehouseKey") ?? "test-key" },
});
new QueueTrigger("fulfil-order", {
  function: fulfilment,
  queue: "orders",
  maxDeliveries: 3,
  backoff: 0.5,
  // nothing can be packed: the message ends in the dead-letter queue
  example: { body: { orderId: "demo", items: [{ sku: "tea", quantity: 0 }] } },
});

const report = new FullCodeFunction("report", { app, environments: [development], code: "functions/report" });
new CronTrigger("order-report", { function: report, schedule: "* * * * *", timezone: "Europe/Istanbul" });

export const urls = development.urls;
