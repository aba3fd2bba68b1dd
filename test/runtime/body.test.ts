import { createHash, randomBytes } from "node:crypto";

import { testGateways } from "../support/testGateway";

const gateways = testGateways();

/** Says of what type the body is, and what is in it. */
const DESCRIBE = `module.exports = (req, res) => res.json({
  type: Buffer.isBuffer(req.body) ? "Buffer" : Array.isArray(req.body) ? "array" : typeof req.body,
  body: Buffer.isBuffer(req.body) ? req.body.toString("base64") : req.body,
  files: req.files.map((file) => ({ ...file, isBuffer: Buffer.isBuffer(file.contents), contents: file.contents.toString("base64") })),
});`;

const start = () => gateways.start({ functions: { f: DESCRIBE }, routes: { f: { method: "POST" } } });

function multipart(boundary: string, parts: [headers: string, content: string | Buffer][]): Buffer {
  const chunks: (string | Buffer)[] = [];
  for (const [headers, content] of parts)
    chunks.push(`--${boundary}\r\nContent-Disposition: form-data; ${headers}\r\n\r\n`, content, "\r\n");
  chunks.push(`--${boundary}--\r\n`);
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)));
}

const send = async (gateway: Awaited<ReturnType<typeof start>>, type: string | undefined, body: string | Buffer) => {
  const headers = type === undefined ? {} : { "content-type": type };
  return (await gateway.call("/f", { method: "POST", headers, body })).json as Record<string, unknown>;
};

test("a body is parsed by its type", async () => {
  const gateway = await start();
  expect(await send(gateway, "application/json", '{"a":[1]}')).toMatchObject({ type: "object", body: { a: [1] } });
  expect(await send(gateway, "application/json; charset=utf-8", '[{"a":1}]')).toMatchObject({
    type: "array",
    body: [{ a: 1 }],
  });
  expect(await send(gateway, "application/vnd.api+json", "true")).toMatchObject({ type: "boolean", body: true });
  expect(await send(gateway, "text/plain", "čau")).toMatchObject({ type: "string", body: "čau" });
  const latin = Buffer.from([0x63, 0x61, 0x66, 0xe9]);
  expect(await send(gateway, "text/plain; charset=ISO-8859-1", latin)).toMatchObject({ body: "café" });
  expect(await send(gateway, 'text/plain;charset="utf-16le"', Buffer.from("čau", "utf16le"))).toMatchObject({
    body: "čau",
  });
  expect(await send(gateway, "text/plain; charset=nonsense", "a")).toMatchObject({
    errorType: "InvalidBody",
    errorMessage: 'the body\'s charset "nonsense" is not known; send UTF-8',
  });
  expect(await send(gateway, "text/csv", "a,b")).toMatchObject({ type: "string", body: "a,b" });
  const bytes = randomBytes(100);
  const base64 = bytes.toString("base64");
  expect(await send(gateway, "image/png", bytes)).toMatchObject({ type: "Buffer", body: base64 });
  expect(await send(gateway, undefined, bytes)).toMatchObject({ type: "Buffer", body: base64 });
  expect(await send(gateway, "application/json", "")).toMatchObject({ type: "undefined" });
});

test("bodies of all sizes up to the limit arrive as they were sent", async () => {
  const gateway = await gateways.start({
    functions: {
      f: 'module.exports = (req, res) => res.send(require("node:crypto").createHash("sha256").update(req.body).digest("hex"));',
    },
    routes: { f: { method: "POST" } },
  });
  const sizes = [1, 65_535, 65_536, 65_537, 1_000_000, 6 * 1024 * 1024];
  await Promise.all(
    sizes.map(async (size) => {
      const body = randomBytes(size);
      const answer = await gateway.call("/f", { body, headers: { "content-type": "application/octet-stream" } });
      expect(answer.text).toBe(createHash("sha256").update(body).digest("hex"));
    }),
  );
});

test("a body that is not the JSON it claims to be is a 400 and does not reach the handler", async () => {
  const gateway = await start();
  const answer = await gateway.call("/f", { headers: { "content-type": "application/json" }, body: '{"a":' });
  expect(answer.status).toBe(400);
  expect(answer.json).toEqual({
    errorType: "InvalidBody",
    errorMessage: expect.stringContaining("not valid JSON") as string,
    requestId: answer.headers["x-request-id"],
  });
});

test("a multipart body has its fields in body and its files, bytes untouched, in files", async () => {
  const gateway = await start();
  const image = randomBytes(200_000);
  const body = multipart("xYx", [
    ['name="title"', "a title"],
    ['name="tag"', "one"],
    ['name="tag"', "two"],
    ['name="__proto__"', "plain"],
    ['name="photo"; filename="höhle.png"\r\nContent-Type: image/png', image],
    ['name="empty"; filename="empty.txt"\r\nContent-Type: text/plain', ""],
  ]);
  const answer = await gateway.call("/f", { headers: { "content-type": "multipart/form-data; boundary=xYx" }, body });
  const parsed = JSON.parse(answer.text) as { body: object; files: object[] };
  expect(Object.entries(parsed.body)).toEqual([
    ["title", "a title"],
    ["tag", ["one", "two"]],
    ["__proto__", "plain"],
  ]);
  expect(parsed.files).toEqual([
    {
      fieldName: "photo",
      fileName: "höhle.png",
      encoding: "7bit",
      mimeType: "image/png",
      size: 200_000,
      isBuffer: true,
      contents: image.toString("base64"),
    },
    {
      fieldName: "empty",
      fileName: "empty.txt",
      encoding: "7bit",
      mimeType: "text/plain",
      size: 0,
      isBuffer: true,
      contents: "",
    },
  ]);
});

test.each([
  ["without a boundary", "multipart/form-data", "--x\r\n"],
  ["cut off", "multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf'],
  ["of something else", "multipart/form-data; boundary=x", "no parts at all"],
])("a multipart body %s is a 400", async (_what, type, body) => {
  const gateway = await start();
  const answer = await gateway.call("/f", { headers: { "content-type": type }, body });
  expect(answer.status).toBe(400);
  expect(answer.json).toMatchObject({ errorType: "InvalidBody" });
});

test("invalid UTF-8 harms nobody: it is replaced in texts and JSON, kept in other types", async () => {
  const gateway = await start();
  const bytes = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
  expect(await send(gateway, "text/plain", bytes)).toMatchObject({ body: '"\ufffd\ufffd"' });
  expect(await send(gateway, "application/json", bytes)).toMatchObject({ body: "\ufffd\ufffd" });
  expect(await send(gateway, "application/x-own", bytes)).toMatchObject({ body: bytes.toString("base64") });
});
