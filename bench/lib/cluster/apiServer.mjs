import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { parse } from "yaml";

/** A cluster's API server, by a connection that stays open: neither a process nor a handshake is part of what is timed. */
export class ApiServer {
  #url;
  #agent;

  /** @param kubeconfig - Path of one whose current context has everything embedded. */
  constructor(kubeconfig) {
    const { clusters, users } = parse(readFileSync(kubeconfig, "utf8"));
    const [{ cluster }] = clusters;
    const [{ user }] = users;
    const decode = (text) => Buffer.from(text, "base64");
    this.#url = cluster.server;
    this.#agent = new Agent({
      keepAlive: true,
      ca: decode(cluster["certificate-authority-data"]),
      cert: decode(user["client-certificate-data"]),
      key: decode(user["client-key-data"]),
    });
  }

  get(path) {
    return this.#call("GET", path);
  }

  /** @param change - A JSON merge patch. */
  patch(path, change) {
    return this.#call("PATCH", path, change);
  }

  async #call(method, path, body) {
    const response = await this.#send(method, path, body);
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    if (response.statusCode >= 300) throw new Error(`${method} ${path} was answered with ${text}`);
    return JSON.parse(text);
  }

  #send(method, path, body) {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/merge-patch+json" };
      const sent = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, resolve);
      sent.once("error", reject);
      sent.end(body && JSON.stringify(body));
    });
  }

  /**
   * Follows the objects of a list from what it is now.
   *
   * @param onEvent - Called with `{ type, object }`.
   * @returns what ends it.
   */
  async watch(path, onEvent) {
    const { metadata } = await this.get(path);
    const since = new globalThis.URLSearchParams({ watch: "true", resourceVersion: metadata.resourceVersion });
    const response = await this.#send("GET", `${path}${path.includes("?") ? "&" : "?"}${since}`);
    let rest = "";
    response.setEncoding("utf8").on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      for (const line of lines) onEvent(JSON.parse(line));
    });
    response.on("error", () => undefined); // it is ended by destroying it
    return () => response.destroy();
  }

  close() {
    this.#agent.destroy();
  }
}
