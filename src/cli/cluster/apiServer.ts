import { request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";

import { type KubeConfig } from "@kubernetes/client-node";

import { CliError } from "../errors";
import { ANSWER_TIMEOUT_MS } from "./kubeconfig";

/** What a request needs: named in the error when it is forbidden, or when there is no such object. */
export interface Access {
  verb: "get" | "list" | "create";
  /** With its API group, as a Role names it: `pods`, `deployments.apps`. */
  resource: string;
  name?: string;
  /** @default the whole cluster */
  namespace?: string;
}

/** Reads from the API server of one context. */
export class ApiServer {
  constructor(private readonly config: KubeConfig) {}

  get context(): string {
    return this.config.currentContext;
  }

  get address(): string {
    return this.config.getCurrentCluster()!.server;
  }

  /**
   * @returns undefined where there is no such object.
   * @throws CliError when the API server cannot be reached or does not permit it.
   */
  async read<T>(path: string, access: Access): Promise<T | undefined> {
    const { status, text } = await this.get(path);
    if (status === 200) return JSON.parse(text) as T;
    if (status === 404) return undefined;
    throw new CliError(this.refusal(status, text, access));
  }

  /** What the API server says to a GET. */
  async get(path: string): Promise<{ status: number; text: string }> {
    const options: RequestOptions = { headers: { accept: "application/json" } };
    await this.authenticate(options);
    const url = new URL(this.address + path);
    const request = url.protocol === "http:" ? requestHttp : requestHttps;
    // a program that gets the credentials may ask a person, so its time does not count
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    try {
      return await new Promise((resolve, reject) => {
        request(url, { ...options, signal }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString("utf8") }),
          );
          response.on("error", reject);
        })
          .on("error", reject)
          .end();
      });
    } catch (error) {
      throw this.unreachable(error as NodeJS.ErrnoException, signal.aborted);
    }
  }

  /** One clear sentence for an answer that is a refusal. */
  refusal(status: number, text: string, { verb, resource, name, namespace }: Access): string {
    const object = `${resource}${name === undefined ? "" : ` "${name}"`}`;
    const where = namespace === undefined ? "in the whole cluster" : `in namespace "${namespace}"`;
    if (status === 401)
      return (
        `The API server of context "${this.context}" does not accept the credentials of user ` +
        `"${this.config.getContextObject(this.context)?.user ?? ""}": log in to the cluster again, or renew them in the kubeconfig.`
      );
    if (status === 403)
      return (
        `Context "${this.context}" may not ${verb} ${object} ${where}. Ask for a ` +
        `${namespace === undefined ? "ClusterRole" : "Role"} with verb "${verb}" on "${resource}" there` +
        `${namespace === undefined ? ", or name one region's namespace with --namespace" : ""}.`
      );
    return `The API server of context "${this.context}" answered ${status} to ${verb} ${object} ${where}: ${messageOf(text)}`;
  }

  private async authenticate(options: RequestOptions): Promise<void> {
    try {
      await this.config.applyToHTTPSOptions(options);
    } catch (error) {
      const { user = "" } = this.config.getContextObject(this.context) ?? {};
      const reason = (error as Error).message.trim().replace(/\s+/g, " ");
      throw new CliError(
        `The credentials of user "${user}" of context "${this.context}" cannot be obtained: ${reason}`,
      );
    }
  }

  private unreachable(error: NodeJS.ErrnoException, late: boolean): CliError {
    const subject = `The API server of context "${this.context}" at ${this.address}`;
    if (late)
      return new CliError(
        `${subject} did not answer within ${ANSWER_TIMEOUT_MS / 1_000} s. Is the address in the kubeconfig right, and does this machine have a way there (VPN, firewall)?`,
      );
    // an address with several meanings fails once for each of them
    const reason = error instanceof AggregateError ? (error.errors as Error[])[0].message : error.message;
    const advice = /certificate|self.signed|altnames/i.test(`${reason} ${error.code}`)
      ? "Is the cluster's certificate-authority in the kubeconfig right?"
      : "Does the cluster run, and is the address in the kubeconfig right?";
    return new CliError(`${subject} cannot be reached: ${reason}. ${advice}`);
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.trim();
  }
}
