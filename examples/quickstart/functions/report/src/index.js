const { readdir } = require("node:fs/promises");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

/**
 * Reports every minute how many orders the region has.
 *
 * @param {import("fullcode").FunctionRequest} req
 * @param {import("fullcode").FunctionResponse} res
 */
module.exports = async function (req, res) {
  const { region, executionStartDtm } = req.appInfo;
  const orders = await readdir(join(tmpdir(), "fullcode-quickstart", region)).catch(() => []);
  console.log(`${orders.length} order(s) in ${region} at ${req.trigger.scheduledTime ?? executionStartDtm}`);
  res.json({ region, orders: orders.length });
};
