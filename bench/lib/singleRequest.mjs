import { get } from "node:http";

/** One request on a connection of its own; resolves when the answer is complete. */
export function singleRequest(port, path, host = "127.0.0.1") {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, agent: false }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${path} was answered with ${response.statusCode}`));
      });
    });
    request.once("error", reject);
  });
}
