import { percentile } from "../lib/statistics.mjs";
import { KeepAliveConnection } from "./keepAliveConnection.mjs";

/** The load generator's process: runs one load a message, and answers with what it saw. */
process.on("message", async (load) => {
  try {
    process.send({ result: await run(load) });
  } catch (error) {
    process.send({ error: error.message });
  }
});

function run({ host = "127.0.0.1", port, connections, requests, paths, method = "GET", body }) {
  const payloads = paths.map((path) => requestText(method, path, body));
  const latencies = new Float64Array(requests);
  let sent = 0;
  let answered = 0;
  let failed = 0;
  return new Promise((resolve, reject) => {
    const all = [];
    const started = performance.now();
    const fail = (error) => {
      for (const each of all) each.close();
      reject(error);
    };
    const end = () => {
      const seconds = (performance.now() - started) / 1000;
      for (const each of all) each.close();
      resolve({
        requests,
        failed,
        perSecond: requests / seconds,
        p50Ms: percentile(latencies, 0.5),
        p99Ms: percentile(latencies, 0.99),
      });
    };
    for (let i = 0; i < Math.min(connections, requests); i++) {
      let sentAt = 0;
      const next = () => {
        if (sent === requests) return;
        sentAt = performance.now();
        connection.send(payloads[sent++ % payloads.length]);
      };
      const connection = new KeepAliveConnection(
        host,
        port,
        (status) => {
          latencies[answered++] = performance.now() - sentAt;
          if (status !== 200) failed++;
          if (answered === requests) end();
          else next();
        },
        fail,
      );
      all.push(connection);
      next();
    }
  });
}

function requestText(method, path, body) {
  const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: application/json\r\n`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const length = Buffer.byteLength(body);
  return Buffer.from(`${head}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`);
}
