import { once } from "node:events";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";

import { anyAddress } from "../../../src/gateway/cluster/anyAddress";
import { ProbeServer } from "../../../src/gateway/cluster/probeServer";

const V4 = { address: "127.0.0.1", family: "IPv4", netmask: "255.0.0.0", mac: "", internal: true, cidr: null } as const;
const V6 = { ...V4, address: "::1", family: "IPv6", scopeid: 0 } as const;

test("is that of IPv6 wherever there is IPv6, next to IPv4 or alone", () => {
  expect(anyAddress({ lo: [V4] })).toBe("0.0.0.0");
  expect(anyAddress({ lo: [V4, V6] })).toBe("::");
  expect(anyAddress({ lo: [V4], eth0: [V6] })).toBe("::");
  expect(anyAddress({ lo: [V6] })).toBe("::");
});

test("a server that listens there is reached at each address of this machine", async () => {
  const options = { unreadyReason: () => undefined, metrics: () => Promise.resolve("") };
  const server = new ProbeServer({ host: anyAddress(), port: 0, ...options });
  const port = await server.listen();
  // addresses of a link need its name beside them
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ address }) => !address.startsWith("fe80:"));
  expect(addresses).not.toEqual([]);
  for (const { address } of addresses) {
    const socket = connect(port, address);
    await once(socket, "connect");
    socket.destroy();
  }
  await server.close();
});
