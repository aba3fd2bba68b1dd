module.exports = async function (req, res) {
  res.json({ orderId: req.ids.orderId, status: "shipped", total: 42.5 });
};
