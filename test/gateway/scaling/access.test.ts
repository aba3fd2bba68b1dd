import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";

import { peerTokens } from "../../../src/gateway/scaling/peerToken";
import { health, type HealthCheckResponse } from "../../../src/gateway/scaling/protocols/health";
import { loads } from "../../../src/gateway/scaling/protocols/loads";
import { linkToken } from "../../../src/link/linkToken";
import { type LinkRoots } from "../../../src/spec";
import { KedaClient } from "../../support/kedaClient";
import { ROOTS, ScalerReplica } from "../../support/scalerReplica";
import { waitUntil } from "../../support/waitUntil";

const [TOKEN] = peerTokens(ROOTS);
const NEXT = { generation: 2, secret: Buffer.alloc(32, 2).toString("base64") };
const ROTATED: LinkRoots = { current: NEXT, previous: ROOTS.current };

let replicas: ScalerReplica[];
let client: Client;

beforeEach(async () => {
  const counts = () => Promise.resolve({ pending: 0, inFlight: 0, deadLetters: 0 });
  replicas = Array.from({ length: 2 }, () => {
    const replica: ScalerReplica = new ScalerReplica({
      peers: () => replicas.filter((each) => each !== replica).map(({ address }) => address),
      store: { counts },
    });
    return replica;
  });
  for (const replica of replicas) {
    replica.declare("orders");
    replica.set("orders", { held: 1, running: 2, instances: ["a"] });
    await replica.listen();
  }
  client = new Client(replicas[0].address, credentials.createInsecure());
});

afterEach(async () => {
  client.close();
  await Promise.all(replicas.map(({ server }) => server.close()));
});

function withTokens(...tokens: string[]): Metadata {
  const metadata = new Metadata();
  if (tokens.length > 0) metadata.set("fullcode-peer-token", tokens.join(","));
  return metadata;
}

describe("loads for other replicas", () => {
  const get = (...tokens: string[]) => KedaClient.call(client, loads.Get, {}, withTokens(...tokens));

  it("are answered to who has the token, without functions that do nothing", async () => {
    replicas[0].declare("idle");
    expect(await get(TOKEN)).toEqual({
      functions: [{ name: "orders", held: 1, running: 2, active: false, instances: ["a"] }],
    });
  });

  it.each([
    ["no token", []],
    ["another token", ["x".repeat(43)]],
    ["a function's token", [linkToken(Buffer.from(ROOTS.current.secret, "base64"), "gateway")]],
  ])("are refused to who has %s", async (_what, tokens) => {
    await expect(get(...tokens)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });

  it("cannot be made to activate anything without the token", async () => {
    const keda = new KedaClient(replicas[0].address);
    const { activations } = keda.watch("orders");
    await keda.spec("orders");
    const activate = (...tokens: string[]) =>
      KedaClient.call(client, loads.Activate, { functions: ["orders"] }, withTokens(...tokens));
    await expect(activate()).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    expect(activations).toEqual([]);
    await activate(TOKEN);
    await waitUntil("it was told", () => activations.length > 0);
    keda.close();
  });

  it("are exchanged while the root secret is rotated, whoever has the new one first", async () => {
    for (const rotated of replicas) {
      for (const replica of replicas) replica.roots = ROOTS;
      rotated.roots = ROTATED;
      for (const { address } of replicas) {
        const keda = new KedaClient(address);
        expect(await keda.look("orders")).toMatchObject({ value: 6 });
        keda.close();
      }
    }
  });

  it("are not exchanged with who has an old secret only", async () => {
    replicas[0].roots = { current: NEXT };
    const keda = new KedaClient(replicas[0].address);
    await expect(keda.look("orders")).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/cannot be asked for its loads: UNAUTHENTICATED: /) as string,
    });
    keda.close();
  });
});

describe("health", () => {
  const check = (service: string) => KedaClient.call(client, health.Check, { service });

  it("is told of the server and of each service", async () => {
    expect(await check("")).toEqual({ status: "SERVING" });
    expect(await check("externalscaler.ExternalScaler")).toEqual({ status: "SERVING" });
    await expect(check("orders.Orders")).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it("is watched until the server closes", async () => {
    const seen: string[] = [];
    let end: ServiceError | { code: status } | undefined;
    const { path, requestSerialize, responseDeserialize } = health.Watch;
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" });
    stream.on("data", (answer: HealthCheckResponse) => seen.push(answer.status));
    stream.on("error", () => undefined);
    stream.on("status", (given: { code: status }) => (end = given));
    await waitUntil("it serves", () => seen.length === 1);
    replicas[0].server.drain();
    await waitUntil("it drains", () => seen.length === 2);
    await replicas[0].server.close();
    await waitUntil("it has ended", () => end !== undefined);
    expect(seen).toEqual(["SERVING", "NOT_SERVING"]);
    expect(end?.code).toBe(status.OK);
  });
});
