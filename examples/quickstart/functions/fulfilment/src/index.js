const { readFile, rename, writeFile } = require("node:fs/promises");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

/**
 * Takes orders off the queue. One that cannot be packed is a poison message: each delivery fails, and after the last
 * one it is in the dead-letter queue, where somebody can look at it.
 *
 * @param {import("fullcode").FunctionRequest<{ orderId: string, items: { sku: string, quantity: number }[] }>} req
 * @param {import("fullcode").FunctionResponse} res
 */
module.exports = async function (req, res) {
  const { orderId, items } = req.body;
  for (const { sku, quantity } of items)
    if (!(quantity > 0)) throw new Error(`order ${orderId}: cannot pack ${quantity} of "${sku}"`);

  const file = join(tmpdir(), "fullcode-quickstart", req.appInfo.region, `${orderId}.json`);
  const order = JSON.parse(await readFile(file, "utf8"));
  await writeFile(`${file}.tmp`, JSON.stringify({ ...order, status: "fulfilled" }));
  await rename(`${file}.tmp`, file);
  res.json({ orderId, packed: items.length, giftWrap: req.appParams.giftWrap });
};
