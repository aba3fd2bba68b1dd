import { type FunctionDeclaration } from "./region";

/** A function with a custom runtime, from the text of its `bootstrap`. */
export function custom(bootstrap: string, more: Partial<FunctionDeclaration> = {}): FunctionDeclaration {
  return { runtime: "custom", concurrency: 1, code: { bootstrap }, ...more };
}

/** The Bash loop of the public documentation. */
export const BASH_LOOP = `#!/bin/bash
set -o pipefail
HEADERS="$(mktemp)"
trap 'rm -f "$HEADERS"' EXIT
#Processing requests loop
while true
do
  # Get an event
  EVENT_DATA=$(curl -sS -LD "$HEADERS" -X GET "http://$RUNTIME_API_ADDR/v1/runtime/invocation/request")
  # Get request id from response header
  REQUEST_ID=$(grep -Fi x-cff-request-id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  if [ -z "$REQUEST_ID" ]; then
    continue
  fi
  # Process request data
  RESPONSE="Echoing request: hello world!"
  # Put response
  curl -X POST "http://$RUNTIME_API_ADDR/v1/runtime/invocation/response/$REQUEST_ID" -d "$RESPONSE"
done
`;

/**
 * A bootstrap in JavaScript: a loop that gives each event to \`handle(event, headers, api)\` and posts what that returns
 * or throws. \`prelude\` runs before it.
 */
export function nodeLoop(handle: string, { prelude = "", loops = 1 } = {}): string {
  return `#!/usr/bin/env node
const http = require("node:http");
const agent = new http.Agent({ keepAlive: true });
const [host, port] = process.env.RUNTIME_API_ADDR.split(":");
function api(method, path, body, options = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path: "/v1/runtime/" + path, agent, ...options }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}
${prelude}
const handle = ${handle};
async function loop() {
  for (;;) {
    const { headers, body } = await api("GET", "invocation/request");
    const id = headers["x-cff-request-id"];
    try {
      const answer = await handle(JSON.parse(body), headers, api);
      if (answer === undefined) continue;
      const bytes = typeof answer === "string" || Buffer.isBuffer(answer) ? answer : JSON.stringify(answer);
      await api("POST", "invocation/response/" + id, bytes);
    } catch (error) {
      await api("POST", "invocation/error/" + id, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
    }
  }
}
for (let i = 0; i < ${loops}; i++) loop();
`;
}
