import { execFileSync } from "node:child_process";

import { linkRoots } from "../support/linkGateway";
import { killLinkGateways, LinkGatewayProcess } from "../support/linkProcess";
import { PodProcess, removePods } from "../support/podProcess";
import { waitUntil } from "../support/waitUntil";

/** A network of its own, so that what is lost in it is lost for nobody else. */
const NETWORK = `fullcode-${process.pid}`;
const inNetwork = ["ip", "netns", "exec", NETWORK];
const run = ([command, ...args]: string[]) => execFileSync(command, args, { stdio: "pipe" });

/** Networks are for root only, as are rules of what is lost in them. */
function hasNetworks(): boolean {
  try {
    run(["ip", "netns", "add", NETWORK]);
    run([...inNetwork, "iptables", "-S"]);
    return true;
  } catch {
    return false;
  }
}

const available = hasNetworks();

afterAll(async () => {
  await removePods();
  killLinkGateways();
  if (available) run(["ip", "netns", "delete", NETWORK]);
});

const roots = linkRoots(1);
const BLOCKING = `module.exports = async (req, res) => {
  if (req.query.wait) return new Promise(() => undefined);
  if (req.query.block) for (const end = Date.now() + 25_000; Date.now() < end;);
  res.send("done");
};`;

(available ? test : test.skip)(
  "a network that breaks without a word is noticed by both sides; an event loop that is busy is no such thing",
  async () => {
    run(["ip", "-n", NETWORK, "link", "set", "lo", "up"]);
    const command = [...inNetwork, process.execPath];
    const options = { roots, functions: { f: { concurrency: 2, timeoutSeconds: 60 } } };
    const [lost, kept] = [
      await LinkGatewayProcess.start(options, command),
      await LinkGatewayProcess.start(options, command),
    ];
    const start = (name: string, gateway: LinkGatewayProcess) =>
      PodProcess.start({
        function: "f",
        name,
        gateways: gateway.address,
        roots,
        code: BLOCKING,
        concurrency: 2,
        timeoutSeconds: 60,
        command,
      });
    const [busy, idle, blocked] = await Promise.all([start("busy", lost), start("idle", lost), start("blocked", kept)]);
    await waitUntil("all are linked", async () => {
      const events = [...(await lost.events()), ...(await kept.events())];
      return [busy, idle, blocked].every(({ name }) => events.includes(`linked ${name}`));
    });
    const answer = kept.invoke("f", { query: "block=1" });
    const waiting = Promise.all(["wait=1", "wait=1"].map((query) => lost.invoke("f", { query })));
    await waitUntil("an instance runs them", async () => (await lost.running("f")) === 2);
    const [, port] = lost.address.split(":");
    run([...inNetwork, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", port, "-j", "DROP"]);
    run([...inNetwork, "iptables", "-A", "INPUT", "-p", "tcp", "--sport", port, "-j", "DROP"]);
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    // not seen by the instance, so nothing but the network can tell that it is lost
    const sentLater = lost.invoke("f", { query: "wait=1" });
    const noticed: Record<string, number> = {};
    await Promise.all([
      waiting.then((answers) => {
        expect(answers.map(({ errorType }) => errorType)).toEqual(["InstanceLost", "InstanceLost"]);
        noticed.running = seconds();
      }),
      sentLater.then(({ errorType }) => {
        expect(errorType).toBe("InstanceLost");
        noticed.sentLater = seconds();
      }),
      ...[busy, idle].map(({ name }) =>
        waitUntil(
          "the gateway closes the link",
          async () => (await lost.events()).includes(`closed ${name}`),
          30_000,
        ).then(() => (noticed[`gateway ${name}`] = seconds())),
      ),
      ...[busy, idle].map((pod) =>
        waitUntil(
          "the instance gives the gateway up",
          () => /the link to the gateway at .* has ended: /.test(pod.output),
          30_000,
        ).then(() => (noticed[`instance ${pod.name}`] = seconds())),
      ),
    ]);
    for (const [what, after] of Object.entries(noticed)) expect([what, after < 22]).toEqual([what, true]);
    expect(await answer).toEqual({ status: 200, text: "done", errorType: undefined });
    expect((await kept.events()).filter((event) => event.startsWith("closed"))).toEqual([]);
  },
);

test("a gateway that hangs is given up, and linked to again once it turns; so is an instance", async () => {
  const functions = { f: { concurrency: 2, timeoutSeconds: 60 } };
  const [hanging, other] = [
    await LinkGatewayProcess.start({ roots, functions }),
    await LinkGatewayProcess.start({ roots, functions }),
  ];
  const peers = [hanging.address, other.address];
  await Promise.all([hanging.setPeers(peers), other.setPeers(peers)]);
  const start = (name: string) =>
    PodProcess.start({ function: "f", name, gateways: other.address, roots, code: BLOCKING, concurrency: 2 });
  const [pod, stopped] = [await start("pod"), await start("stopped")];
  const count = async (gateway: LinkGatewayProcess, event: string) =>
    (await gateway.events()).filter((each) => each === event).length;
  await waitUntil("both are linked to both", async () =>
    [await hanging.events(), await other.events()].every((events) => events.length === 2),
  );
  hanging.kill("SIGSTOP");
  stopped.kill("SIGSTOP");
  await waitUntil("the instance gives the gateway up", () => pod.output.includes("no sign of life"), 22_000);
  await waitUntil(
    "the gateway gives the instance up",
    async () => (await count(other, "closed stopped")) === 1,
    22_000,
  );
  expect((await other.invoke("f")).text).toBe("done");
  hanging.kill("SIGCONT");
  stopped.kill("SIGCONT");
  await waitUntil("the gateway has its instances again", async () => (await count(hanging, "linked pod")) === 2);
  await waitUntil("the instance has its gateway again", async () => (await count(other, "linked stopped")) === 2);
  expect((await hanging.invoke("f")).text).toBe("done");
});
