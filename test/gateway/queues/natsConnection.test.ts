import { connectNats, type NatsClient, type NatsStatus } from "../../../src/gateway/queues/natsConnection";
import type { NatsCredentials } from "../../../src/spec/cluster";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";

const SECRET = "hunter2-of-the-region";

describe("what can never connect", () => {
  const connect =
    (url: string, credentials: NatsCredentials = {}) =>
    () =>
      connectNats({ url, credentials, name: "test" });

  it.each([
    ["http://localhost:4222", /"http:\/\/localhost:4222" must begin with nats:\/\/ or tls:\/\//],
    ["nats://", /"nats:\/\/" is not of the form nats:\/\/host:port/],
    [`http://user:${SECRET}@localhost`, /"http:\/\/…@localhost" must begin/],
    ["nats://a:4222,tls://b:4222", /cannot be mixed/],
  ])("is an error at once: %s", (url, message) => {
    expect(connect(url)).toThrow(message);
    expect(connect(url)).not.toThrow(SECRET);
  });

  it("are credentials of several ways, of half a way, or of no way", () => {
    expect(connect("nats://a", { user: "u", password: SECRET, token: SECRET })).toThrow(/not several of them/);
    expect(connect("nats://a", { password: SECRET })).toThrow(/the password is without a user/);
    expect(connect("nats://a", { creds: SECRET })).toThrow(/creds is not the text of a credentials file/);
    expect(connect("nats://a", { creds: SECRET })).not.toThrow(SECRET);
  });
});

describeWithNats("a connection to NATS", () => {
  let server: NatsServer;
  let client: NatsClient | undefined;
  let statuses: NatsStatus[];

  beforeEach(async () => {
    server = await NatsServer.prepare({ user: "gateway", password: SECRET });
    statuses = [];
  });
  afterEach(async () => {
    await client?.close();
    await server.remove();
  });

  function connect(url: string, credentials: NatsCredentials = {}): NatsClient {
    client = connectNats({ url, credentials, name: "test", onStatus: (status) => statuses.push(status) });
    return client;
  }
  const messages = () => statuses.map(({ message }) => message);

  it("comes up whenever the server does, and tells each change once", async () => {
    connect(server.url, { user: "gateway", password: SECRET });
    await waitUntil("the first failure", () => statuses.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await server.start();
    await waitUntil("the connection", () => client!.session !== undefined);
    await server.restart();
    await waitUntil("the connection again", () => statuses.length >= 4);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const where = `NATS at 127.0.0.1:${server.port}`;
    expect(messages()).toEqual([
      expect.stringMatching(new RegExp(`^${where} cannot be reached since 20.*: connection refused$`)),
      `${where} is connected`,
      expect.stringMatching(new RegExp(`^${where} cannot be reached since 20`)),
      expect.stringMatching(new RegExp(`^${where} is up again after \\d+ s$`)),
    ]);
    expect(statuses.map(({ up }) => up)).toEqual([false, true, false, true]);
  });

  it("ends its session when it goes down", async () => {
    await server.start();
    connect(server.url, { user: "gateway", password: SECRET });
    const sessions: unknown[] = [];
    client!.onUp((session) => sessions.push(session));
    await waitUntil("the connection", () => client!.session !== undefined);
    const { ended } = client!.session!;
    await server.stop("SIGKILL");
    await waitUntil("the end", () => ended.aborted);
    expect(client!.session).toBeUndefined();
    await server.start();
    await waitUntil("the next session", () => client!.session !== undefined);
    expect(sessions).toHaveLength(2);
  });

  it("takes user and password from the URL, and tells nobody", async () => {
    await server.start();
    connect(server.url.replace("nats://", `nats://gateway:${SECRET}@`));
    await waitUntil("the connection", () => client!.session !== undefined);
    expect(JSON.stringify([client!.where, messages()])).not.toContain(SECRET);
  });

  it("is refused with a wrong password, until that is the right one", async () => {
    await server.start();
    connect(server.url, { user: "gateway", password: "old-password" });
    await waitUntil("the refusal", () => statuses.length === 1);
    expect(messages()[0]).toMatch(/cannot be reached since .*: Authorization Violation/);
    expect(messages()[0]).not.toContain("old-password");
    await server.stop();
    await server.configure({ user: "gateway", password: "old-password" });
    await server.start();
    await waitUntil("the connection", () => client!.session !== undefined);
    expect(statuses.filter(({ up }) => up)).toHaveLength(1);
  });

  it("refuses a server without TLS when it was told to use it", async () => {
    await server.start();
    connect(server.url.replace("nats://", "tls://"), { user: "gateway", password: SECRET });
    await waitUntil("the refusal", () => statuses.length === 1);
    expect(messages()[0]).toMatch(/server does not support 'tls'/);
  });

  it("can be closed while there is no server", async () => {
    connect(server.url);
    await waitUntil("the first failure", () => statuses.length === 1);
    await client!.close();
    expect(statuses).toHaveLength(1);
  });
});
