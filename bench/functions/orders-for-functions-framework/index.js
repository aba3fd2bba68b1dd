// The same function for @google-cloud/functions-framework, which passes the path on unparsed.
const PATH = /^\/orders\/([^/?]+)/;

module.exports.handler = async function (req, res) {
  const match = PATH.exec(req.path);
  if (match === null) res.status(404).end();
  else res.json({ orderId: decodeURIComponent(match[1]), status: "shipped", total: 42.5 });
};
