import { type LinkInvocation } from "../link/linkInvocation";
import { type RequestFields } from "./request";

/** The `req` of a handler: the fields that its trigger has, and a signal. */
export class HandlerRequest {
  readonly #invocation: LinkInvocation;

  constructor(fields: RequestFields, invocation: LinkInvocation) {
    this.#invocation = invocation;
    Object.assign(this, fields);
  }

  /** Aborted when nobody waits for the answer any more: the time is over, or the caller has gone. */
  get signal(): AbortSignal {
    return this.#invocation.signal;
  }
}
