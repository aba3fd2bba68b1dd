import { FrameType } from "../../src/link/frames";
import { LinkSocket } from "../../src/link/linkSocket";
import { memoryStreams } from "../../src/link/memoryStream";
import { GatewayLink } from "../../src/runtime/link/gatewayLink";
import { type LinkInvocation } from "../../src/runtime/link/linkInvocation";
import { Places } from "../../src/runtime/link/places";
import { waitUntil } from "../support/waitUntil";

const PLACES = 4;
const nothing = () => undefined;

/** A gateway that does what it is told, and an instance's link to it. */
class Peer {
  /** What the instance has sent since the last look: `Credit 4`, `Decline 1`. */
  frames: string[] = [];
  readonly running: LinkInvocation[] = [];
  readonly link: GatewayLink;
  private readonly socket: LinkSocket;
  private sent = 0;

  constructor(places: Places) {
    const [gateway, instance] = memoryStreams();
    this.socket = LinkSocket.accepted(gateway, { onFrame: (type, id) => this.onFrame(type, id), onClose: nothing });
    const hello = { token: "t", function: "f", version: "v1", instance: "i" };
    const open = (events: Parameters<typeof LinkSocket.accepted>[1]) => LinkSocket.accepted(instance, events);
    this.link = new GatewayLink(open, hello, places, {
      onWelcome: nothing,
      onInvocation: (invocation) => this.running.push(invocation),
      onPeers: nothing,
      onDrain: nothing,
      onStrayLine: nothing,
      onForgotten: nothing,
      onClose: nothing,
    });
    this.socket.sendJson(FrameType.Welcome, 0, { protocol: 2 });
  }

  invoke(count: number): void {
    for (let i = 0; i < count; i++) this.socket.sendHead(FrameType.Invoke, ++this.sent, { requestId: "r" }, undefined);
  }

  close(): void {
    this.socket.destroy();
  }

  private onFrame(type: FrameType, id: number): void {
    if (type === FrameType.Credit) this.frames.push(`Credit ${id}`);
    if (type === FrameType.Decline) this.frames.push(`Decline ${id}`);
  }
}

let one: Peer;
let other: Peer;

beforeEach(async () => {
  const places = new Places(PLACES);
  one = new Peer(places);
  other = new Peer(places);
  places.open();
  await waitUntil("both have credits for all places", () => [one, other].every(({ frames }) => frames.length === 1));
  expect([one.frames, other.frames]).toEqual([["Credit 4"], ["Credit 4"]]);
});
afterEach(() => {
  one.close();
  other.close();
});

/** All places are taken, and both gateways have more. */
async function fill(ones: number): Promise<void> {
  one.invoke(ones);
  other.invoke(PLACES - ones);
  await waitUntil("all places are taken", () => one.running.length + other.running.length === PLACES);
  one.frames = [];
  other.frames = [];
  one.invoke(1);
  other.invoke(1);
  await waitUntil("both are declined", () => one.frames.length === 1 && other.frames.length === 1);
  one.frames = [];
  other.frames = [];
}

test("places that become free in one turn are one frame of credits for each gateway", async () => {
  await fill(PLACES);
  for (const invocation of one.running) invocation.done();
  await waitUntil("both have credits", () => one.frames.length > 0 && other.frames.length > 0);
  expect([one.frames, other.frames]).toEqual([["Credit 2"], ["Credit 2"]]);
});

test("credits come before a decline that takes them away", async () => {
  await fill(3);
  const [declined] = other.running;
  one.running[0].done();
  one.running[1].done();
  declined.decline();
  await waitUntil("it is declined", () => other.frames.some((frame) => frame.startsWith("Decline")));
  expect(other.frames.slice(0, 2)).toEqual(["Credit 1", "Decline 1"]);
});
