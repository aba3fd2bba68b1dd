import { parse as parseQuery } from "node:querystring";

import { type InstanceConfig } from "../../link/instanceConfig";
import { type InvokeHead } from "../../link/messages";
import { type FunctionAppInfo, type FunctionRequest } from "../../spec/handlerTypes";
import { type AppParams } from "../instanceConfig";
import { type Form, parseBody } from "./body";
import { headersOf } from "./headers";

const MAX_QUERY_KEYS = 1_000;

/** What a handler receives, without the signal; which fields there are depends on the trigger. */
export type RequestFields = Omit<FunctionRequest, "session" | "signal"> & { session?: unknown };

/** Builds requests of one instance: what all of them share is kept here. */
export class RequestBuilder {
  private lastStart = { time: 0, text: "" };

  constructor(
    private readonly config: InstanceConfig,
    private readonly params: AppParams,
  ) {}

  /**
   * Resolves to the request of an invocation, or throws {@link InvalidBodyError} for a body that is not of the type it
   * claims to be. Only a multipart body makes it a promise.
   */
  build(head: InvokeHead, body: Buffer): RequestFields | Promise<RequestFields> {
    if (head.http !== undefined) return this.endpointRequest(head, head.http, body);
    const request: RequestFields = {
      appParams: { ...this.params },
      appInfo: this.appInfo(head),
      trigger: head.trigger,
    };
    if (head.trigger.type === "queue") {
      const parsed = parseBody(head.contentType, body);
      if (parsed instanceof Promise)
        return parsed.then(({ body: fields, files }: Form) => Object.assign(request, { body: fields, files }));
      request.body = parsed;
    }
    return head.overrides === undefined ? request : Object.assign(request, testerParts(head.overrides));
  }

  /** Hands the request of an invocation over, at once if it can be, or tells why there is none. */
  with(
    { head, body }: { head: InvokeHead; body: Buffer },
    onRequest: (request: RequestFields) => void,
    onRefused: (error: unknown) => void,
  ): void {
    let request: RequestFields | Promise<RequestFields>;
    try {
      request = this.build(head, body);
    } catch (error) {
      return onRefused(error);
    }
    if (request instanceof Promise) request.then(onRequest, onRefused);
    else onRequest(request);
  }

  private endpointRequest(
    head: InvokeHead,
    http: NonNullable<InvokeHead["http"]>,
    body: Buffer,
  ): RequestFields | Promise<RequestFields> {
    const headers = headersOf(http.rawHeaders);
    const mark = http.url.indexOf("?");
    const request: RequestFields = {
      ids: http.ids,
      query: mark === -1 ? {} : { ...parseQuery(http.url.slice(mark + 1), "&", "=", { maxKeys: MAX_QUERY_KEYS }) },
      headers,
      appParams: { ...this.params },
      client: http.client,
      appInfo: this.appInfo(head),
      files: [],
      body: undefined,
      trigger: head.trigger,
      method: http.method,
      path: mark === -1 ? http.url : http.url.slice(0, mark),
    };
    if (http.session !== undefined) request.session = http.session;
    if (body.length > 0) {
      const parsed = parseBody(headers["content-type"], body);
      if (parsed instanceof Promise) return parsed.then((form: Form) => Object.assign(request, form));
      request.body = parsed;
    }
    return head.overrides === undefined ? request : Object.assign(request, testerParts(head.overrides));
  }

  /** Invocations of one millisecond share the text, whose making takes longer than most of the rest. */
  private startText(time: number): string {
    if (time !== this.lastStart.time) this.lastStart = { time, text: new Date(time).toISOString() };
    return this.lastStart.text;
  }

  private appInfo(head: InvokeHead): FunctionAppInfo {
    const { app } = this.config;
    return {
      appName: app.appName,
      environmentName: app.environmentName,
      environmentType: app.environmentType,
      apiBaseUrl: app.apiBaseUrl,
      queueBaseUrl: app.queueBaseUrl,
      executionStartDtm: this.startText(head.startedAt),
      region: app.region,
      functionName: this.config.function,
      functionVersion: this.config.version,
      requestId: head.requestId,
      deliveryAttempt: head.attempt,
    };
  }
}

/** JSON has no bytes, so a tester gives the contents of files in base64. */
function testerParts(given: Record<string, unknown>): Record<string, unknown> {
  if (!Array.isArray(given.files)) return given;
  return { ...given, files: given.files.map((file: unknown) => (isFile(file) ? withBytes(file) : file)) };
}

function isFile(file: unknown): file is { contents: string } {
  return typeof (file as { contents?: unknown } | null)?.contents === "string";
}

function withBytes<File extends { contents: string }>(file: File): Omit<File, "contents"> & { contents: Buffer } {
  return { ...file, contents: Buffer.from(file.contents, "base64") };
}
