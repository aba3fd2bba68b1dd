module.exports = async function (req, res) {
  if (req.trigger.type === "cron") return res.send(`counted the stock of ${req.trigger.scheduledTime}`);
  const { sku, quantity } = req.body;
  if (!(quantity > 0)) throw new Error(`an order of ${quantity} ${sku} cannot be packed`);
  console.info(`packed ${quantity} ${sku} in ${req.appInfo.region}`);
  res.send("packed");
};
