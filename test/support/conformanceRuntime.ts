import { nodeLoop } from "./customRuntimes";

/** A bootstrap that can do everything that the conformance checks ask for. */
export const CONFORMING = nodeLoop(
  `async ({ body }, headers, api) => {
    switch (body?.conformance) {
      case "describe": return { conformance: ["echo", "binary", "fail", "sleep", "parallel", "twice"] };
      case "echo": return { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body.payload) };
      case "binary": return { statusCode: 200, isBase64Encoded: true, body: body.base64 };
      case "fail": throw Object.assign(new Error(body.errorMessage), { name: body.errorType });
      case "sleep": await new Promise((resolve) => setTimeout(resolve, body.ms)); return "slept";
      case "twice": {
        const path = "invocation/response/" + headers["x-cff-request-id"];
        await api("POST", path, "first");
        await api("POST", path, "second");
        return undefined;
      }
      default: return "ok";
    }
  }`,
  { loops: 4 },
);
