import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Item {
  sku: string;
  quantity: number;
  price: number;
}

export interface Order {
  orderId: string;
  status: "received" | "fulfilled";
  items: Item[];
  total: number;
  currency: string;
  shipping: "free" | "standard";
  region: string;
}

const ORDER_ID = /^[0-9a-z-]{1,36}$/;

// Instances come and go and share no memory. A file an order stands in for the database that a shop would have.
const folderOf = (region: string) => join(tmpdir(), "fullcode-quickstart", region);

/** An order's id is the name of its file: it must not lead elsewhere. */
export function isOrderId(orderId: unknown): boolean {
  return typeof orderId === "string" && ORDER_ID.test(orderId);
}

export async function saveOrder(order: Order): Promise<void> {
  const folder = folderOf(order.region);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${order.orderId}.json`), JSON.stringify(order));
}

export async function findOrder(region: string, orderId: string): Promise<Order | undefined> {
  if (!isOrderId(orderId)) return undefined;
  try {
    return JSON.parse(await readFile(join(folderOf(region), `${orderId}.json`), "utf8")) as Order;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
