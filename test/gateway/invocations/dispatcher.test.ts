import { BodyBudget } from "../../../src/gateway/invocations/bodyBudget";
import { BufferedCaller } from "../../../src/gateway/invocations/bufferedCaller";
import { Dispatcher, type DispatcherEvents } from "../../../src/gateway/invocations/dispatcher";
import { GatewayError } from "../../../src/gateway/invocations/gatewayError";
import { Invocation, NO_BODY } from "../../../src/gateway/invocations/invocation";
import { API_VERSION, functionDocument } from "../../../src/spec";

const document = functionDocument.parse({
  kind: "Function",
  apiVersion: API_VERSION,
  name: "f",
  version: "1",
  runtime: "nodejs",
  concurrency: 1,
});
const ignore = () => undefined;

test("what comes after a function was removed is refused as what it held was, and not held", async () => {
  const ended: Invocation[] = [];
  const events: DispatcherEvents = {
    onDemand: ignore,
    onRoom: ignore,
    onEnd: (invocation) => ended.push(invocation),
    onLog: ignore,
    onInitFailed: ignore,
    onDraining: ignore,
    onRetired: ignore,
    onClosed: ignore,
    onStuck: ignore,
  };
  const dispatcher = new Dispatcher(document, events, new BodyBudget());
  const submit = () => {
    const caller = new BufferedCaller(1_000);
    const head = { requestId: "1", trigger: { type: "endpoint" as const, name: "f" }, startedAt: 0, attempt: 1 };
    dispatcher.submit(new Invocation(head, "GET /f", caller, NO_BODY));
    return caller.answered;
  };
  const held = submit();
  expect(dispatcher.heldCount).toBe(1);
  const removed = new GatewayError(503, "FunctionRemoved", 'function "f" was removed');
  dispatcher.close(removed);
  const late = submit();
  expect((await held).error).toBe(removed);
  expect((await late).error).toBe(removed);
  expect(dispatcher.heldCount).toBe(0);
  expect(ended.map(({ status }) => status)).toEqual([503, 503]);
});
