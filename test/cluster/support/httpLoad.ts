import { Agent, get } from "node:http";

export interface LoadOptions {
  url: string;
  /** Kept-alive connections, each with one request at a time. */
  connections: number;
  /** Between an answer and the next request of its connection. */
  pauseMs?: number;
}

/** A request that was not answered with 200. */
export interface Failure {
  connection: number;
  /** Milliseconds after the start of the load. */
  atMs: number;
  reason: string;
}

/** What a load has met so far. */
export interface LoadResult {
  /** Answered with 200. */
  succeeded: number;
  failures: Failure[];
  /** Of all requests, in the order of their answers. */
  latenciesMs: number[];
  /** Answer → how often. */
  answers: Map<string, number>;
}

/** Clients that send one request after the other and repeat none. */
export class HttpLoad {
  readonly result: LoadResult = { succeeded: 0, failures: [], latenciesMs: [], answers: new Map() };
  private readonly startedAt = performance.now();
  private readonly connections: Promise<void>[];
  private isStopped = false;

  constructor(private readonly options: LoadOptions) {
    this.connections = Array.from({ length: options.connections }, (_, index) => this.runConnection(index));
  }

  /** Sends no more, and returns once everything sent is answered. */
  async stop(): Promise<LoadResult> {
    this.isStopped = true;
    await Promise.all(this.connections);
    return this.result;
  }

  private async runConnection(connection: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { url, pauseMs = 0 } = this.options;
    while (!this.isStopped) {
      const sentAt = performance.now();
      try {
        this.count(await answerOf(url, agent));
      } catch (error) {
        const atMs = Math.round(performance.now() - this.startedAt);
        this.result.failures.push({ connection, atMs, reason: (error as Error).message });
      }
      this.result.latenciesMs.push(performance.now() - sentAt);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    agent.destroy();
  }

  private count(answer: string): void {
    const { answers } = this.result;
    this.result.succeeded++;
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
}

/** The body of an answer; fails for one that is no 200. */
export function answerOf(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${response.statusCode}: ${text}`));
      });
    });
    request.on("error", reject);
  });
}
