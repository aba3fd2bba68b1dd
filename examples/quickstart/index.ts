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
new EndpointTrigger("create-order", { function: orders, method: "POST", path: "/orders" });
new EndpointTrigger("get-order", { function: orders, path: "/orders/:orderId" });

const attachments = new FullCodeFunction("attachments", {
  app,
  environments: [development],
  code: "functions/attachments",
});
new EndpointTrigger("attach-files", { function: attachments, method: "POST", path: "/orders/:orderId/attachments" });

const fulfilment = new FullCodeFunction("fulfilment", {
  app,
  environments: [development],
  code: "functions/fulfilment",
  variables: { WAREHOUSE_KEY: config.getSecret("warehouseKey") ?? "test-key" },
});
new QueueTrigger("fulfil-order", { function: fulfilment, queue: "orders", maxDeliveries: 3, backoff: 0.5 });

const report = new FullCodeFunction("report", { app, environments: [development], code: "functions/report" });
new CronTrigger("order-report", { function: report, schedule: "* * * * *", timezone: "Europe/Istanbul" });

export const urls = development.urls;
