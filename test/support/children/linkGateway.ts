import { LinkGateway, type LinkGatewayOptions, type Call } from "../linkGateway";

/** What the process is asked for, and what it answers; both by their number. */
export type LinkGatewayRequest = { id: number } & (
  | { start: LinkGatewayOptions }
  | { invoke: { functionName: string; call: Omit<Call, "body"> & { bodyBytes?: number } } }
  | { setPeers: string[] }
  | { events: true }
  | { running: string }
  | { close: true }
);

let gateway: LinkGateway | undefined;

async function run(request: LinkGatewayRequest): Promise<unknown> {
  if ("start" in request) {
    gateway = await LinkGateway.start(request.start);
    return gateway.address;
  }
  if ("invoke" in request) {
    const { functionName, call } = request.invoke;
    const { status, body, error } = await gateway!.invoke(functionName, {
      ...call,
      body: Buffer.alloc(call.bodyBytes ?? 0, "x"),
    });
    return { status, text: body.toString(), errorType: error?.errorType };
  }
  if ("setPeers" in request) return gateway!.setPeers(request.setPeers);
  if ("events" in request) return gateway!.events;
  if ("running" in request) return gateway!.dispatcher(request.running).running;
  return gateway!.close();
}

process.on("message", (request: LinkGatewayRequest) => {
  void run(request).then((result) => process.send!({ id: request.id, result }));
});
