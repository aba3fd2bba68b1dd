const { createHash } = require("node:crypto");

/**
 * `POST /orders/:orderId/attachments` takes files of a form.
 *
 * @param {import("fullcode").EndpointRequest<Record<string, string>>} req
 * @param {import("fullcode").FunctionResponse} res
 */
module.exports = async function (req, res) {
  if (req.files.length === 0) return res.json({ error: "send files as multipart/form-data" }, 400);
  const files = req.files.map(({ fieldName, fileName, mimeType, size, contents }) => ({
    fieldName,
    fileName,
    mimeType,
    size,
    sha256: createHash("sha256").update(contents).digest("hex"),
  }));
  console.log(`order ${req.ids.orderId} has ${files.length} more file(s)`);
  res.json({ orderId: req.ids.orderId, note: req.body?.note, files }, 201);
};
