// The baseline: what a person would write without any platform. CommonJS, like the functions it is compared with.
const { createServer } = require("node:http");
const { writeSync } = require("node:fs");

const PATH = /^\/orders\/([^/?]+)/;

const server = createServer((request, response) => {
  const match = PATH.exec(request.url);
  if (request.method !== "GET" || match === null) {
    response.writeHead(404).end();
    return;
  }
  const body = JSON.stringify({ orderId: decodeURIComponent(match[1]), status: "shipped", total: 42.5 });
  response.writeHead(200, { "content-type": "application/json; charset=utf-8", "content-length": body.length });
  response.end(body);
});

server.listen({ port: Number(process.env.PORT ?? 0), host: process.env.HOST ?? "127.0.0.1" }, () => {
  writeSync(1, `${server.address().port}\n`);
});

// the first process of a container is not ended by a signal that it does not take
process.once("SIGTERM", () => process.exit());
