import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";

import { BufferedCaller } from "../../src/gateway/invocations/bufferedCaller";
import { FrameType } from "../../src/link/frames";
import { LinkSocket } from "../../src/link/linkSocket";
import { linkKey } from "../../src/link/linkTls";
import { linkToken } from "../../src/link/linkToken";
import { type Hello, type Welcome } from "../../src/link/messages";
import { TlsConnector } from "../../src/runtime/link/tlsSocket";
import { type LinkRoots } from "../../src/spec";
import { LinkGateway, linkRoots } from "../support/linkGateway";
import { PodProcess, removePods } from "../support/podProcess";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();

let gateway: LinkGateway;
let roots: LinkRoots;
let cleanups: (() => void)[] = [];

beforeEach(async () => {
  roots = linkRoots(1, 2);
  gateway = await LinkGateway.start({
    roots,
    functions: { f: { concurrency: 4, timeoutSeconds: 5 }, g: {}, custom: { runtime: "custom" } },
  });
});

afterEach(async () => {
  for (const cleanup of cleanups) cleanup();
  cleanups = [];
  await gateway.close();
});

interface Frame {
  type: FrameType;
  id: number;
  payload: Buffer;
}

interface LinkOptions {
  function?: string;
  generation?: number;
  identity?: string;
  key?: Buffer;
  hello?: Partial<Hello>;
}

/** A link as an instance makes it, to the gateway of the test, with frames that the test sends itself. */
class TestLink {
  readonly frames: Frame[] = [];
  closed: { error: Error | undefined } | undefined;
  readonly socket: LinkSocket;
  /** What carries the link. */
  stream: Socket | undefined;

  constructor({ function: name = "f", generation = 2, identity, key, hello }: LinkOptions = {}) {
    const root = [roots.current, roots.previous].find((each) => each!.generation === generation) ?? roots.current;
    const tls = new TlsConnector({
      identity: identity ?? `${name}@${generation}`,
      key: key ?? linkKey(linkToken(Buffer.from(root.secret, "base64"), name)),
    });
    this.socket = LinkSocket.connect(
      (onread) => (this.stream = tls.connect(gateway.address, onread, () => undefined)),
      {
        onFrame: (type, id, payload) => this.frames.push({ type, id, payload: Buffer.from(payload) }),
        onClose: (error) => (this.closed = { error }),
      },
    );
    this.socket.sendJson(FrameType.Hello, 0, {
      protocol: 2,
      function: name,
      version: "v1",
      instance: `${name}-test`,
      token: "",
      ...hello,
    });
    cleanups.push(() => this.socket.destroy());
  }

  of(type: FrameType): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  async welcomed(): Promise<Welcome> {
    await waitUntil(
      "the gateway welcomes it",
      () => this.of(FrameType.Welcome).length > 0 || this.closed !== undefined,
    );
    return JSON.parse(this.of(FrameType.Welcome)[0].payload.toString()) as Welcome;
  }

  async refused(): Promise<void> {
    await waitUntil("the gateway closes it", () => this.closed !== undefined);
    expect(this.frames).toEqual([]);
  }

  async invoked(count: number): Promise<void> {
    await waitUntil(`it has ${count} invocations`, () => this.of(FrameType.Invoke).length === count);
  }
}

function open(port = gateway.port, localAddress = "127.0.0.1"): { socket: Socket; closed: () => boolean } {
  let isClosed = false;
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined).on("close", () => (isClosed = true));
  cleanups.push(() => socket.destroy());
  return { socket, closed: () => isClosed };
}

describe("who may link", () => {
  test("the keys of the current and of the previous generation, at the same time", async () => {
    const links = [new TestLink({ generation: 1, hello: { instance: "old" } }), new TestLink({ generation: 2 })];
    for (const link of links) expect(await link.welcomed()).toEqual({ protocol: 2 });
    expect(gateway.events).toEqual(expect.arrayContaining(["linked old", "linked f-test"]));
    expect(gateway.refusals).toEqual([]);
  });

  test("a generation that came while the gateway ran, and not the one that has gone", async () => {
    const old = roots.previous!;
    const [added] = [linkRoots(3).current];
    gateway.roots = { current: added, previous: roots.current };
    const key = linkKey(linkToken(Buffer.from(added.secret, "base64"), "f"));
    expect(await new TestLink({ identity: "f@3", key }).welcomed()).toEqual({ protocol: 2 });
    await new TestLink({
      identity: "f@1",
      key: linkKey(linkToken(Buffer.from(old.secret, "base64"), "f")),
    }).refused();
    expect(gateway.refusals).toEqual([
      expect.stringMatching(
        /^from 127\.0\.0\.1: .* function "f" with a key of generation 1, and this gateway knows 2 and 3; restart/,
      ),
    ]);
  });

  test.each<[string, LinkOptions, RegExp]>([
    [
      "the key of another secret",
      { key: Buffer.alloc(32, 7) },
      /function "f" and does not have its key of generation 2/,
    ],
    [
      "the key of another function",
      { identity: "f@2", function: "g" },
      /function "f" and does not have its key of generation 2/,
    ],
    ["a generation of the future", { identity: "f@9" }, /generation 9, and this gateway knows 1 and 2; restart/],
    ["no identity that could be", { identity: "\u001b[31mf@2" }, /does not say which function it is of/],
    ["a function that is not declared here", { function: "h" }, /"h", which is not declared in this region; deploy/],
    [
      "the name of another function",
      { hello: { function: "g" } },
      /key of function "f" and says that it is of another/,
    ],
  ])("not: %s", async (_what, options, message) => {
    await new TestLink(options).refused();
    expect(gateway.refusals).toEqual([expect.stringMatching(message)]);
    expect(gateway.events).toEqual([]);
  });

  test.each<[string, Partial<Hello>]>([
    ["no version of the protocol", { protocol: "2" as unknown as number }],
    ["a name of 10,000 characters", { instance: "x".repeat(10_000) }],
    ["no name", { instance: undefined }],
    ["a name that is none of a pod", { instance: 'f-1"}\n{"time":1,"function":"g"}' }],
  ])("not: a hello with %s", async (_what, hello) => {
    await new TestLink({ hello }).refused();
    expect(gateway.events).toEqual([]);
  });

  test("not: who speaks no TLS, or TLS without a key", async () => {
    const plain = open();
    plain.socket.write("GET / HTTP/1.1\r\n\r\n");
    await waitUntil("it is closed", plain.closed);
    let closed = false;
    const withoutKey = connectTls({ port: gateway.port, host: "127.0.0.1", rejectUnauthorized: false });
    withoutKey.on("error", () => undefined).on("close", () => (closed = true));
    await waitUntil("it is closed", () => closed);
    expect(gateway.refusals).toEqual([
      expect.stringMatching(/TLS handshake failed .*for instances of functions only/),
      expect.stringMatching(/TLS handshake failed .*for instances of functions only/),
    ]);
  });
});

describe("what an instance says is not believed", () => {
  type Say = (socket: LinkSocket, id: number) => void;
  const answer =
    (head: object): Say =>
    (socket, id) =>
      socket.sendHead(FrameType.AnswerDone, id, { status: 200, headers: [], ...head }, "");
  const begin = (socket: LinkSocket, id: number, head: object = {}) =>
    socket.sendHead(FrameType.AnswerHead, id, { status: 200, headers: [], ...head }, "");
  /** An instance that has an invocation, and what becomes of that. */
  const running = async () => {
    const link = new TestLink();
    await link.welcomed();
    link.socket.send(FrameType.Credit, 1);
    const answered = gateway.invoke("f");
    await link.invoked(1);
    return { link, answered, id: link.of(FrameType.Invoke)[0].id };
  };
  const forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

  test.each<[string, Say]>([
    ["an answer without a status", answer({ status: '200}}\n{"time":1,"function":"g"}' })],
    ["a length of its own", answer({ headers: ["Content-Length", "2"] })],
    ["a framing of its own", answer({ headers: ["transfer-encoding", "chunked"] })],
    ["what becomes of the connection", answer({ headers: ["Upgrade", "h2c", "connection", "upgrade"] })],
    ["a header without a value", answer({ headers: ["x-a"] })],
    ["a header that is no text", answer({ headers: ["x-a", 1] })],
    ["an error without a message", answer({ failure: { errorType: "E", errorMessage: 1 } })],
    [
      "a part of an answer without a head",
      (socket, id) => socket.sendBytes(FrameType.AnswerChunk, id, Buffer.from("x")),
    ],
    ["the end of an answer without a head", (socket, id) => socket.send(FrameType.AnswerEnd, id)],
    ["an answer of less than no bytes", (socket, id) => begin(socket, id, { bodyBytes: -1 })],
    [
      "an answer that is longer than it was announced",
      (socket, id) => {
        begin(socket, id, { bodyBytes: 2 });
        socket.sendBytes(FrameType.AnswerChunk, id, Buffer.from(`ok${forged}`));
      },
    ],
    [
      "a line of a log that is none",
      (socket) => socket.sendJson(FrameType.Log, 0, [{ time: 1, level: "info", message: 2 }]),
    ],
    ["lines of a log that are no list", (socket) => socket.sendJson(FrameType.Log, 0, { length: 1 })],
    [
      "a line of a level that is none",
      (socket) => socket.sendJson(FrameType.Log, 0, [{ time: 1, level: 2, message: "" }]),
    ],
    ["an error of the start that is none", (socket) => socket.sendJson(FrameType.InitFailed, 0, null)],
  ])("%s", async (_what, say) => {
    const { link, answered, id } = await running();
    say(link.socket, id);
    const { error, body } = await answered;
    expect(error?.errorType).toBe("InstanceLost");
    expect(body.toString()).not.toContain("forged");
    await waitUntil("it is closed", () => link.closed !== undefined);
    expect(gateway.lines).toEqual([]);
  });

  test("an answer that is shorter than it was announced is cut off", async () => {
    const { link, answered, id } = await running();
    begin(link.socket, id, { bodyBytes: 3 });
    link.socket.sendBytes(FrameType.AnswerChunk, id, Buffer.from("ok"));
    link.socket.send(FrameType.AnswerEnd, id);
    link.socket.send(FrameType.Done, id);
    expect((await answered).error?.errorType).toBe("AnswerCutOff");
  });
});

test("a body that its instance has asked for and does not read counts as held until it does", async () => {
  const link = new TestLink();
  await link.welcomed();
  link.socket.send(FrameType.Credit, 3);
  const body = Buffer.alloc(60 * 1024 * 1024);
  const first = gateway.invoke("f", { body });
  await link.invoked(1);
  const [{ id }] = link.of(FrameType.Invoke);
  link.socket.send(FrameType.Accept, id);
  await waitUntil("its body comes", () => link.of(FrameType.Body).length > 0);
  link.stream!.pause();
  const large = { body: body.subarray(0, 8 * 1024 * 1024) };
  expect(await gateway.invoke("f", large)).toMatchObject({ status: 429 });
  link.stream!.resume();
  await waitUntil("its body is there", () => link.of(FrameType.BodyEnd).length === 1);
  const second = gateway.invoke("f", large);
  await link.invoked(2);
  for (const invoke of link.of(FrameType.Invoke))
    link.socket.sendHead(FrameType.AnswerDone, invoke.id, { status: 200, headers: [] }, "fine");
  expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200]);
});

describe("an invocation that timed out", () => {
  beforeEach(async () => {
    await gateway.close();
    gateway = await LinkGateway.start({ roots, functions: { f: { concurrency: 2, timeoutSeconds: 0.3 } } });
  });

  /** A link that answers heartbeats, as the instances' runtimes do. */
  async function invoked(): Promise<{ link: TestLink; id: number }> {
    const link = new TestLink();
    await link.welcomed();
    link.socket.send(FrameType.Credit, 2);
    const { error } = await gateway.invoke("f");
    expect(error?.errorType).toBe("Timeout");
    const [{ id }] = link.of(FrameType.Invoke);
    await waitUntil("the instance is told", () => link.of(FrameType.Cancel).length === 1);
    expect(gateway.dispatcher("f").freeCredits).toBe(0);
    await waitUntil("its heartbeat is asked for", () => link.of(FrameType.Ping).length === 1);
    link.socket.send(FrameType.Pong, 0);
    return { link, id };
  }

  test.each([
    ["ends", FrameType.Done, 2],
    ["is given back, since it was never begun", FrameType.Decline, 0],
  ])("and %s leaves its instance as it was", async (_what, end, credits) => {
    const { link, id } = await invoked();
    link.socket.send(end, id);
    await waitUntil("the instance takes work", () => gateway.dispatcher("f").live.length === 1);
    expect(gateway.dispatcher("f").freeCredits).toBe(credits);
    link.socket.send(FrameType.Credit, 2);
    const next = gateway.invoke("f");
    await link.invoked(2);
    link.socket.sendHead(FrameType.AnswerDone, link.of(FrameType.Invoke)[1].id, { status: 200, headers: [] }, "fine");
    expect((await next).body.toString()).toBe("fine");
    // longer than it would have been given
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([link.of(FrameType.Drain), link.closed]).toEqual([[], undefined]);
    expect(gateway.events).toEqual(["linked f-test"]);
  });

  test("and goes on has its instance ended, once nothing else runs on it", async () => {
    const { link } = await invoked();
    await waitUntil("it is given up", () => gateway.events.includes("draining f-test"));
    await waitUntil("its link is ended", () => link.closed !== undefined);
    expect(gateway.events).toContain("stuck f-test: its handler goes on running after the timeout");
  });
});

describe("strangers", () => {
  test("who try again and again fill neither the log nor the places of others", async () => {
    for (let i = 0; i < 120; i++) {
      const link = new TestLink({ key: Buffer.alloc(32, i) });
      await waitUntil("it is closed", () => link.closed !== undefined);
    }
    expect(gateway.refusals).toHaveLength(10);
    expect(await new TestLink().welcomed()).toEqual({ protocol: 2 });
  });

  test("who connect and say nothing are few, and not for long", async () => {
    const silent = Array.from({ length: 80 }, () => open());
    await waitUntil("those over the limit are closed", () => silent.filter(({ closed }) => closed()).length === 16);
    expect(gateway.refusals[0]).toContain("too many connections are in their handshake");
    const other = open(gateway.port, "127.0.0.2");
    await new Promise((resolve) => other.socket.once("connect", resolve));
    const started = performance.now();
    await waitUntil("all are closed", () => silent.every(({ closed }) => closed()));
    expect(performance.now() - started).toBeLessThan(6_500);
    expect(await new TestLink().welcomed()).toEqual({ protocol: 2 });
  });

  test("with a key who say nothing after the handshake are closed too", async () => {
    const tls = new TlsConnector({
      identity: "f@2",
      key: linkKey(linkToken(Buffer.from(roots.current.secret, "base64"), "f")),
    });
    let closed = false;
    LinkSocket.connect((onread) => tls.connect(gateway.address, onread, () => undefined), {
      onFrame: () => undefined,
      onClose: () => (closed = true),
    });
    await waitUntil("it is closed", () => closed, 8_000);
  });
});

test("an instance links to nobody who has a certificate in place of the key, whoever vouches for it", async () => {
  const [key, certificate] = ["key.pem", "certificate.pem"].map((file) => join(folder(), file));
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, ...subject],
    {
      stdio: "pipe",
    },
  );
  const received: Buffer[] = [];
  const impostor = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (socket) =>
    socket.on("data", (data: Buffer) => received.push(data)),
  );
  impostor.listen(0, "127.0.0.1");
  await once(impostor, "listening");
  const pod = await PodProcess.start({
    function: "f",
    gateways: `127.0.0.1:${(impostor.address() as AddressInfo).port}`,
    roots,
    code: "module.exports = () => {}",
    command: ["env", `NODE_EXTRA_CA_CERTS=${certificate}`, process.execPath],
  });
  await waitUntil("it is refused", () => pod.output.includes("cannot be linked to"));
  expect(received).toEqual([]);
  await removePods();
  impostor.close();
});

describe("versions of the protocol", () => {
  test("the lower of both is spoken; what the older one does not know is not sent to it", async () => {
    gateway.setPeers(["10.0.0.1:7080"]);
    const [old, current, future] = [1, 2, 9].map(
      (protocol) => new TestLink({ hello: { protocol, instance: `v${protocol}` } }),
    );
    expect(await old.welcomed()).toEqual({ protocol: 1 });
    expect(await current.welcomed()).toEqual({ protocol: 2 });
    expect(await future.welcomed()).toEqual({ protocol: 2 });
    gateway.setPeers(["10.0.0.1:7080", "10.0.0.2:7080"]);
    const announced = (link: TestLink) => link.of(FrameType.Peers).map(({ payload }) => payload.toString());
    for (const link of [current, future])
      await waitUntil("it is told twice", () => announced(link).length === 2).then(() =>
        expect(announced(link)).toEqual(['["10.0.0.1:7080"]', '["10.0.0.1:7080","10.0.0.2:7080"]']),
      );
    expect(old.frames.map(({ type }) => type)).toEqual([FrameType.Welcome]);
  });

  test.each([
    [1, 2, 2],
    [2, 1, 0],
  ])(
    "an instance of version %i that declines one of 4: it has had %i offers then, and has %i credits left",
    async (protocol, offers, left) => {
      const link = new TestLink({ hello: { protocol } });
      await link.welcomed();
      link.socket.send(FrameType.Credit, 4);
      const answer = gateway.invoke("f");
      await link.invoked(1);
      link.socket.send(FrameType.Decline, link.of(FrameType.Invoke)[0].id);
      await waitUntil("the gateway has seen it", () => gateway.dispatcher("f").freeCredits === left);
      await link.invoked(offers);
      link.socket.send(FrameType.Credit, 1);
      await link.invoked(2);
      link.socket.sendHead(FrameType.AnswerDone, link.of(FrameType.Invoke)[1].id, { status: 200, headers: [] }, "fine");
      expect((await answer).body.toString()).toBe("fine");
    },
  );

  test("there are never more credits than places, though an instance that declines knows nothing of what is on its way", async () => {
    const link = new TestLink();
    await link.welcomed();
    link.socket.send(FrameType.Credit, 4);
    const answers = Array.from({ length: 4 }, () => gateway.invoke("f"));
    await link.invoked(4);
    const [declined, ...late] = link.of(FrameType.Invoke).map(({ id }) => id);
    link.socket.send(FrameType.Decline, declined);
    link.socket.send(FrameType.Credit, 4);
    await link.invoked(5);
    for (const id of [...late, link.of(FrameType.Invoke)[4].id])
      link.socket.sendHead(FrameType.AnswerDone, id, { status: 200, headers: [] }, "fine");
    await Promise.all(answers);
    expect(gateway.dispatcher("f").freeCredits).toBe(4);
    link.socket.send(FrameType.Credit, 1);
    link.socket.sendJson(FrameType.Log, 0, [{ time: 0, level: "info", message: "after it" }]);
    await waitUntil("it is there", () => gateway.lines.some(({ message }) => message === "after it"));
    expect(gateway.dispatcher("f").freeCredits).toBe(4);
  });

  test("a credit that comes before the end of the invocation whose place it is for is kept", async () => {
    const link = new TestLink();
    await link.welcomed();
    link.socket.send(FrameType.Credit, 1);
    const answer = gateway.invoke("f");
    await link.invoked(1);
    const [{ id }] = link.of(FrameType.Invoke);
    link.socket.send(FrameType.Credit, 1);
    link.socket.sendHead(FrameType.AnswerDone, id, { status: 200, headers: [], keepsCredit: true }, "fine");
    await answer;
    expect(gateway.dispatcher("f").freeCredits).toBe(1);
  });

  test("a place that goes to another gateway gives no credit back", async () => {
    const link = new TestLink();
    await link.welcomed();
    link.socket.send(FrameType.Credit, 2);
    const answers = [gateway.invoke("f"), gateway.invoke("f")];
    await link.invoked(2);
    const [first, second] = link.of(FrameType.Invoke).map(({ id }) => id);
    link.socket.sendHead(FrameType.AnswerDone, first, { status: 200, headers: [], keepsCredit: true }, "one");
    link.socket.sendHead(FrameType.Answer, second, { status: 200, headers: [] }, "two");
    link.socket.sendBytes(FrameType.Done, second, Buffer.of(1));
    expect((await Promise.all(answers)).map(({ body }) => body.toString())).toEqual(["one", "two"]);
    expect(gateway.dispatcher("f").freeCredits).toBe(0);
    link.socket.send(FrameType.Credit, 1);
    await waitUntil("it has one", () => gateway.dispatcher("f").freeCredits === 1);
  });
});

test("an instance that links again has lost its first link", async () => {
  const first = new TestLink();
  await first.welcomed();
  first.socket.send(FrameType.Credit, 1);
  const lost = gateway.invoke("f");
  await first.invoked(1);
  const second = new TestLink();
  await second.welcomed();
  expect((await lost).error?.errorType).toBe("InstanceLost");
  await waitUntil("the first one is closed", () => first.closed !== undefined);
  expect(gateway.dispatcher("f").live).toHaveLength(1);
  expect(gateway.events).toEqual(["linked f-test", "closed f-test", "linked f-test"]);
});

describe("a large body", () => {
  const BODY = Buffer.alloc(1024 * 1024, "body");

  async function accepted(name: string, instance: string): Promise<TestLink> {
    const link = new TestLink({ function: name, hello: { instance } });
    await link.welcomed();
    link.socket.send(FrameType.Credit, 1);
    await link.invoked(1);
    link.socket.send(FrameType.Accept, link.of(FrameType.Invoke)[0].id);
    await waitUntil("it has the body", () => link.of(FrameType.BodyEnd).length === 1);
    return link;
  }

  test("is let go once its instance has it: handlers may take minutes", async () => {
    const caller = new BufferedCaller(1_000);
    const invocation = gateway.submit("f", caller, { body: BODY });
    expect(invocation.bodyBytes).toBe(BODY.length);
    const link = await accepted("f", "f-1");
    expect(invocation.bodyBytes).toBe(0);
    link.socket.send(FrameType.Decline, link.of(FrameType.Invoke)[0].id);
    expect((await caller.answered).error).toMatchObject({ status: 503, errorType: "InstanceLost" });
  });

  test("is kept for a custom runtime, whose bootstrap may end before it has asked for the event", async () => {
    const caller = new BufferedCaller(1_000);
    gateway.submit("custom", caller, { body: BODY });
    const first = await accepted("custom", "custom-1");
    first.socket.send(FrameType.Decline, first.of(FrameType.Invoke)[0].id);
    const second = await accepted("custom", "custom-2");
    expect(Buffer.concat(second.of(FrameType.Body).map(({ payload }) => payload)).equals(BODY)).toBe(true);
    const [{ id }] = second.of(FrameType.Invoke);
    second.socket.sendHead(FrameType.AnswerDone, id, { status: 200, headers: [] }, "fine");
    expect((await caller.answered).body.toString()).toBe("fine");
  });
});

describe("a gateway that stops", () => {
  test("finishes what runs and what is held, and does not tell instances to end", async () => {
    const [busy, idle] = [new TestLink(), new TestLink({ hello: { instance: "idle" } })];
    await Promise.all([busy.welcomed(), idle.welcomed()]);
    busy.socket.send(FrameType.Credit, 1);
    const [running, held] = [gateway.invoke("f"), gateway.invoke("f")];
    await busy.invoked(1);
    const { port } = gateway;
    let closed = false;
    const closing = gateway.close().then(() => (closed = true));
    await waitUntil("the idle one is closed", () => idle.closed !== undefined);
    const late = open(port);
    await waitUntil("nobody can link", late.closed);
    const answer = (n: number, head: object = {}) =>
      busy.socket.sendHead(
        FrameType.AnswerDone,
        busy.of(FrameType.Invoke)[n].id,
        { status: 200, headers: [], ...head },
        `done ${n}`,
      );
    answer(0);
    expect((await running).body.toString()).toBe("done 0");
    await busy.invoked(2);
    // full with the work of others: the gateway waits for its turn
    busy.socket.send(FrameType.Decline, busy.of(FrameType.Invoke)[1].id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([closed, gateway.dispatcher("f").heldCount]).toEqual([false, 1]);
    busy.socket.send(FrameType.Credit, 1);
    await busy.invoked(3);
    answer(2);
    expect((await held).body.toString()).toBe("done 2");
    await closing;
    await waitUntil("it is closed", () => busy.closed !== undefined);
    expect([busy.closed, idle.closed]).toEqual([{ error: undefined }, { error: undefined }]);
    expect([...busy.frames, ...idle.frames].some(({ type }) => type === FrameType.Drain)).toBe(false);
  });

  test("lets an instance go that leaves meanwhile", async () => {
    const link = new TestLink();
    await link.welcomed();
    link.socket.send(FrameType.Credit, 1);
    const running = gateway.invoke("f");
    await link.invoked(1);
    const closing = gateway.close();
    link.socket.send(FrameType.Draining, 0);
    await waitUntil("it may go", () => link.of(FrameType.Drain).length === 1);
    link.socket.sendHead(FrameType.AnswerDone, link.of(FrameType.Invoke)[0].id, { status: 200, headers: [] }, "done");
    expect((await running).status).toBe(200);
    await closing;
  });
});

test("what was not handed to the operating system when the link ended is offered to another instance", async () => {
  const first = new TestLink();
  await first.welcomed();
  first.socket.send(FrameType.Credit, 1);
  await waitUntil("it has a credit", () => gateway.dispatcher("f").freeCredits === 1);
  const answer = gateway.invoke("f");
  gateway.dispatcher("f").live[0].destroy();
  const second = new TestLink({ hello: { instance: "second" } });
  await second.welcomed();
  second.socket.send(FrameType.Credit, 1);
  await second.invoked(1);
  second.socket.sendHead(FrameType.AnswerDone, second.of(FrameType.Invoke)[0].id, { status: 200, headers: [] }, "fine");
  expect((await answer).body.toString()).toBe("fine");
  expect(first.of(FrameType.Invoke)).toEqual([]);
});
