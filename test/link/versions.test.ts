import { createServer, type Server } from "node:net";
import { join } from "node:path";

import { FrameType, splitHead } from "../../src/link/frames";
import { LinkSocket } from "../../src/link/linkSocket";
import { type AnswerHead, type Hello, type InvokeHead } from "../../src/link/messages";
import { nodeLoop } from "../support/customRuntimes";
import { linkRoots } from "../support/linkGateway";
import { PodProcess, type PodOptions, removePods } from "../support/podProcess";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();

/** The frames that a gateway of version 1 knows; any other one makes it close the link. */
const KNOWN_TO_VERSION_1 = [1, 3, 5, 6, 9, 10, 11, 12, 13, 14, 17, 19, 21, 22];

/** A gateway as it was with version 1 of the protocol, as far as a test plays it. */
class OldGateway {
  hello: Hello | undefined;
  credits = 0;
  closed = false;
  readonly types: number[] = [];
  readonly answers = new Map<number, { status: number; text: string; frame: AnswerHead }>();
  readonly declined: number[] = [];
  private socket: LinkSocket | undefined;
  private lastId = 0;

  constructor(readonly server: Server) {
    server.on("connection", (socket) => {
      this.socket = LinkSocket.accepted(socket, {
        onFrame: (type, id, payload) => this.onFrame(type, id, payload),
        onClose: () => (this.closed = true),
      });
    });
  }

  invoke(query: string): number {
    const id = ++this.lastId;
    const head: InvokeHead = {
      requestId: `r${id}`,
      trigger: { type: "endpoint", name: "test" },
      startedAt: Date.now(),
      attempt: 1,
      http: {
        method: "GET",
        url: `/?${query}`,
        rawHeaders: [],
        ids: {},
        client: { ip: "127.0.0.1", deviceType: "desktop", userAgent: "" },
      },
    };
    this.credits--;
    this.socket!.sendHead(FrameType.Invoke, id, head, undefined);
    return id;
  }

  drain(): void {
    this.socket!.send(FrameType.Drain, 0);
  }

  private onFrame(type: FrameType, id: number, payload: Buffer): void {
    this.types.push(type);
    if (type === FrameType.Hello) {
      this.hello = JSON.parse(payload.toString()) as Hello;
      this.socket!.sendJson(FrameType.Welcome, 0, { protocol: 1 });
    } else if (type === FrameType.Credit) this.credits += id;
    else if (type === FrameType.Decline) this.declined.push(id);
    else if (type === FrameType.Answer || type === FrameType.AnswerDone) {
      const { head, body } = splitHead<AnswerHead>(payload);
      this.answers.set(id, { status: head.status, text: body.toString(), frame: head });
    }
    if (type === FrameType.Done || type === FrameType.AnswerDone) this.credits++;
  }
}

let gateway: OldGateway;

beforeEach(async () => {
  gateway = new OldGateway(createServer());
  await new Promise<void>((resolve) => gateway.server.listen(join(folder(), "link.sock"), resolve));
});

afterEach(async () => {
  await removePods();
  gateway.server.close();
});

function start(options: Pick<PodOptions, "code" | "concurrency">): Promise<PodProcess> {
  return PodProcess.start({
    function: "f",
    gateways: "",
    roots: linkRoots(1),
    config: { cluster: undefined, gateway: join(folder(), "link.sock"), instance: "f-local" },
    ...options,
  });
}

test.each<[string, PodOptions["code"]]>([
  [
    "Node.js",
    `module.exports = async (req, res) => {
      await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms)));
      res.send("slept " + req.query.ms);
    };`,
  ],
  [
    "a bootstrap",
    {
      bootstrap: {
        text: nodeLoop(
          'async ({ query }) => { await new Promise((resolve) => setTimeout(resolve, query.ms)); return "slept " + query.ms; }',
          { loops: 2 },
        ),
        mode: 0o755,
      },
    },
  ],
])("%s works for a gateway of version 1", async (_runtime, code) => {
  const pod = await start({ code, concurrency: 2 });
  await waitUntil("it asks for work", () => gateway.credits === 2);
  expect(gateway.hello).toMatchObject({ protocol: 2, function: "f", instance: "f-local" });
  const ids = [gateway.invoke("ms=100"), gateway.invoke("ms=50")];
  await waitUntil("both are answered", () => gateway.answers.size === 2);
  expect(ids.map((id) => gateway.answers.get(id))).toMatchObject([
    { status: 200, text: "slept 100" },
    { status: 200, text: "slept 50" },
  ]);
  await waitUntil("its credits are back", () => gateway.credits === 2);

  // one more than it had credits for
  const three = [gateway.invoke("ms=100"), gateway.invoke("ms=150"), gateway.invoke("ms=0")];
  await waitUntil("two are answered", () => gateway.answers.size === 4);
  await waitUntil("what it had is back", () => gateway.credits === 1);
  expect(gateway.declined).toEqual([three[2]]);
  for (const { frame } of gateway.answers.values()) expect(frame).not.toHaveProperty("keepsCredit");

  gateway.drain();
  expect(await pod.ended()).toBe(0);
  expect(gateway.types.filter((type) => !KNOWN_TO_VERSION_1.includes(type))).toEqual([]);
});
