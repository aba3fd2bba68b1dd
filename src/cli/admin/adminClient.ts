import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

import { CliError } from "../errors";

/** Where the admin API of a gateway is reached. */
export interface AdminAddress {
  adminUrl: string;
  token: string;
  /** Why the last connection failed, where the way to the gateway knows more than the connection. */
  problem?: () => string | undefined;
}

/** A gateway has answered, though not with what was asked for. */
export class RefusalError extends CliError {
  constructor(
    message: string,
    readonly status: number,
    readonly errorType: string | undefined,
  ) {
    super(message);
  }
}

/** Talks to one running gateway. An invocation takes as long as it takes, so nothing here has a time limit. */
export class AdminClient {
  constructor(
    /** Its region, as people see it. */
    readonly label: string,
    private readonly address: AdminAddress,
  ) {}

  /** Whether a gateway answers: after a crash its address is still there. */
  isRunning(): Promise<boolean> {
    return this.reach().then(
      () => true,
      () => false,
    );
  }

  /**
   * Resolves when a gateway answers that takes the token.
   *
   * @throws RefusalError when it does not take the token; CliError when no gateway answers.
   */
  async reach(): Promise<void> {
    try {
      await this.get("/");
    } catch (error) {
      // that nothing is there is only told to who has the token
      if (!(error instanceof RefusalError) || error.errorType !== "NotFound") throw error;
    }
  }

  /** @throws CliError with the gateway's own words when it refuses. */
  async get<T>(path: string): Promise<T> {
    return this.json(await this.request("GET", path));
  }

  /** @throws CliError with the gateway's own words when it refuses. */
  async post<T>(path: string, body: string | Buffer = "{}", contentType = "application/json"): Promise<T> {
    return this.json(await this.request("POST", path, body, contentType));
  }

  /**
   * The values of a newline-delimited answer, as they come.
   *
   * @throws CliError when it is cut off.
   */
  async *stream<T>(path: string): AsyncGenerator<T> {
    const response = await this.request("GET", path);
    try {
      for await (const line of createInterface({ input: response })) if (line !== "") yield JSON.parse(line) as T;
    } catch (error) {
      throw this.ended(error as Error);
    } finally {
      response.destroy();
    }
  }

  private async json<T>(response: IncomingMessage): Promise<T> {
    try {
      return JSON.parse(await text(response)) as T;
    } catch (error) {
      throw this.ended(error as Error);
    }
  }

  private async request(
    method: string,
    path: string,
    body?: string | Buffer,
    contentType?: string,
  ): Promise<IncomingMessage> {
    const headers = {
      authorization: `Bearer ${this.address.token}`,
      ...(contentType !== undefined && { "content-type": contentType }),
    };
    let response: IncomingMessage;
    try {
      response = await new Promise((resolve, reject) =>
        request(this.address.adminUrl + path, { method, headers, agent: false }, resolve)
          .on("error", reject)
          .end(body),
      );
    } catch (error) {
      throw this.ended(error as Error);
    }
    if (response.statusCode! < 300) return response;
    const { errorType, errorMessage } = await this.json<{ errorType?: string; errorMessage?: string }>(response).catch(
      () => ({ errorType: undefined, errorMessage: undefined }),
    );
    const reason = errorMessage ?? `the gateway answered ${response.statusCode}`;
    throw new RefusalError(`Region ${this.label}: ${reason}`, response.statusCode!, errorType);
  }

  private ended({ message }: Error): CliError {
    const problem = this.address.problem?.();
    return new CliError(
      problem === undefined
        ? `The gateway of region ${this.label} ended: ${message}`
        : `The gateway of region ${this.label} cannot be reached: ${problem}`,
    );
  }
}
