const PRICES = { tea: 3, coffee: 5 };

module.exports = async function (req, res) {
  const { currency } = req.appParams;
  const { region } = req.appInfo;
  if (req.trigger.name === "get-price") {
    const price = PRICES[req.ids.sku];
    if (price === undefined) return res.json({ error: `there is no ${req.ids.sku}` }, 404);
    return res.json({ sku: req.ids.sku, price, currency, region });
  }
  const { sku, quantity } = req.body ?? {};
  if (PRICES[sku] === undefined || !(quantity > 0))
    return res.json({ error: "an order has a sku and a quantity" }, 400);
  console.info(`order of ${quantity} ${sku} taken in ${region}`);
  res.json({ sku, quantity, total: PRICES[sku] * quantity, currency, region }, 201);
};
