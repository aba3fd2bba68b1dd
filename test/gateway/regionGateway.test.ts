import { AdminServer } from "../../src/gateway/admin/adminServer";
import { DeploymentHistory } from "../../src/gateway/deploymentHistory";
import { type DocumentSet, documentSet } from "../../src/gateway/documents/documentSet";
import { PodInstances } from "../../src/gateway/cluster/podInstances";
import { LinkServer } from "../../src/gateway/instances/linkServer";
import { type TlsLinkServer } from "../../src/gateway/instances/tlsLinkServer";
import { LogBook } from "../../src/gateway/logs/logBook";
import { type LogRecord } from "../../src/gateway/gatewayOptions";
import { openEmbeddedStore } from "../../src/gateway/queues/embeddedStore";
import { type MessageStore } from "../../src/gateway/queues/messageStore";
import { RegionGateway } from "../../src/gateway/regionGateway";
import { API_VERSION, anyDocument, type DocumentInput, type LinkRoots } from "../../src/spec";
import { ANY_PORT } from "../support/anyPort";
import { call, type CallAnswer } from "../support/httpClient";
import { linkRoots } from "../support/linkGateway";
import { PodProcess, removePods } from "../support/podProcess";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();
let gateway: PodGateway;
let roots: LinkRoots;

/** A gateway whose instances are pods, and whose documents are what the test gives it. */
class PodGateway extends RegionGateway {
  private links!: TlsLinkServer;

  constructor(store: MessageStore, state: string, onLog: (record: LogRecord) => void) {
    super({
      ports: [ANY_PORT],
      logs: new LogBook(`${state}/log.jsonl`, onLog),
      store,
      history: new DeploymentHistory(`${state}/deployments.jsonl`),
      admin: new AdminServer(),
      supply: (_document, _region, events) => new PodInstances(events, () => undefined),
      room: (host, share) => host.messageRoom(share),
      testersOnly: false,
    });
  }

  get linkAddress(): string {
    return `127.0.0.1:${this.links.port}`;
  }

  async start(documents: DocumentSet): Promise<void> {
    await this.apply(documents, false);
    this.links = await LinkServer.listenTls({
      host: "127.0.0.1",
      port: 0,
      roots: () => roots,
      find: (hello) => {
        const host = this.hosts.get(hello.function);
        return host === undefined ? undefined : { events: host.linkEvents, admit: (link) => host.admit(link) };
      },
      onRefused: () => undefined,
      peers: () => [this.linkAddress],
    });
    this.url = `http://127.0.0.1:${await this.endpoints.listen()}`;
    this.serving = true;
    await this.startTriggers();
  }

  serve(documents: DocumentSet): Promise<void> {
    return this.apply(documents, false);
  }

  call(path: string): Promise<CallAnswer> {
    return call(this.url + path);
  }

  reload(): Promise<void> {
    return Promise.resolve();
  }

  protected stopSources(): Promise<void> {
    return Promise.resolve();
  }

  protected closeLinks(): Promise<void> {
    return this.links.close();
  }
}

type Declared = DocumentInput extends infer Input ? (Input extends unknown ? Omit<Input, "apiVersion"> : never) : never;

const REGION: Declared = {
  kind: "Region",
  name: "eu",
  app: "shop",
  environment: "production",
  environmentType: "production",
  url: "http://localhost",
};
const FUNCTION: Declared = { kind: "Function", name: "f", version: "v1", runtime: "nodejs", concurrency: 4 };
const ROUTE: Declared = { kind: "Route", name: "f", function: "f", method: "GET", path: "/f" };
const queue = (name: string): Declared => ({ kind: "Queue", name, function: "f", queue: name });

function set(...documents: Declared[]): DocumentSet {
  return documentSet(
    documents.map((document) => anyDocument.parse({ apiVersion: API_VERSION, ...document })),
    [],
  );
}

let store: MessageStore;
let records: LogRecord[];

async function start(code: string, documents: DocumentSet): Promise<void> {
  gateway = new PodGateway(store, folder(), (record) => records.push(record));
  await gateway.start(documents);
  await PodProcess.start({ function: "f", gateways: gateway.linkAddress, roots, code, concurrency: 4 });
}

const functionStatus = async () => (await gateway.status()).functions[0];

beforeEach(async () => {
  roots = linkRoots(1);
  records = [];
  store = await openEmbeddedStore(`${folder()}/messages`);
});

afterEach(async () => {
  await gateway.stop();
  await removePods();
});

test("a function that goes and comes back has its instances again", async () => {
  await start("module.exports = (req, res) => res.send('here');", set(REGION, FUNCTION, ROUTE));
  expect((await gateway.call("/f")).text).toBe("here");
  await gateway.serve(set(REGION));
  expect((await gateway.call("/f")).status).toBe(404);
  // as long as it takes to link, and to be refused a few times
  await new Promise((resolve) => setTimeout(resolve, 500));
  await gateway.serve(set(REGION, FUNCTION, ROUTE));
  await waitUntil("the instance is there", async () => (await functionStatus()).instances === 1, 2_000);
  expect((await gateway.call("/f")).text).toBe("here");
});

test("a function that goes while it runs ends what it runs, and has its instances again then", async () => {
  const code =
    "module.exports = async (req, res) => { await new Promise((r) => setTimeout(r, 500)); res.send('here'); };";
  await start(code, set(REGION, FUNCTION, ROUTE));
  await gateway.call("/f");
  const answer = gateway.call("/f");
  await waitUntil("it runs", async () => (await functionStatus()).running === 1);
  await gateway.serve(set(REGION));
  await gateway.serve(set(REGION, FUNCTION, ROUTE));
  expect((await answer).text).toBe("here");
  await waitUntil("the instance is there", async () => (await functionStatus()).instances === 1, 2_000);
});

test("queues that share a function take its places once, and none is kept from them by another", async () => {
  const names = ["a", "b", "c"];
  for (const name of names)
    for (let n = 0; n < 10; n++)
      await store.publish(name, { body: Buffer.from("{}"), contentType: "application/json" });
  const code = "module.exports = () => new Promise((resolve) => setTimeout(resolve, 100));";
  await start(code, set(REGION, FUNCTION, ...names.map(queue)));
  let mostHeld = 0;
  const delivered = () =>
    records.filter(({ source }) => source === "invocation").map(({ invocation }) => invocation!.subject);
  await waitUntil("all are delivered", async () => {
    mostHeld = Math.max(mostHeld, (await functionStatus()).held);
    return delivered().length === 30;
  });
  // one place that is free may be offered to two queues
  expect(mostHeld).toBeLessThan(3);
  expect(new Set(delivered().slice(0, 12))).toEqual(new Set(names));
});
