import { randomUUID } from "node:crypto";
import type { EndpointRequest, FunctionResponse } from "fullcode";

import { findOrder, isOrderId, type Item, type Order, saveOrder } from "./store";

/** A client may choose the id: an order that it sends twice is one order. */
interface NewOrder {
  orderId?: string;
  items?: Item[];
}

/** `POST /orders` takes an order and hands it to fulfilment; `GET /orders/:orderId` says how far it is. */
export default async function (req: EndpointRequest<NewOrder>, res: FunctionResponse): Promise<void> {
  if (req.method === "POST") await createOrder(req, res);
  else await getOrder(req, res);
}

async function createOrder(req: EndpointRequest<NewOrder>, res: FunctionResponse): Promise<void> {
  const { orderId = randomUUID(), items = [] } = req.body ?? {};
  if (items.length === 0) return res.json({ error: "an order needs `items`" }, 400);
  if (!isOrderId(orderId))
    return res.json({ error: "`orderId` has at most 36 lower-case letters, digits and dashes" }, 400);

  const total = items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  const order: Order = {
    orderId,
    status: "received",
    items,
    total,
    currency: String(req.appParams.currency),
    shipping: total >= Number(req.appParams.freeShippingFrom) ? "free" : "standard",
    region: req.appInfo.region,
  };
  await saveOrder(order);

  const queue = `${req.appInfo.queueBaseUrl}/orders`;
  const published = await fetch(queue, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ orderId: order.orderId, items }),
  });
  if (!published.ok) throw new Error(`${queue} answered ${published.status}: ${await published.text()}`);
  console.log(`order ${order.orderId} received: ${total} ${order.currency}`);
  res.set("Location", `/orders/${order.orderId}`).json(order, 201);
}

async function getOrder(req: EndpointRequest, res: FunctionResponse): Promise<void> {
  const order = await findOrder(req.appInfo.region, req.ids.orderId);
  if (order === undefined) res.json({ error: `there is no order "${req.ids.orderId}" in ${req.appInfo.region}` }, 404);
  else res.json(order);
}
