import { Agent } from "node:http";

const running = new Set<() => void>();
// one whose test has failed would go on in the tests that follow
afterEach(() => {
  for (const end of running) end();
  running.clear();
});

/** Clients on kept-alive connections that send one request after the other until they are stopped, or the test ends. */
export function clients(count: number, next: (agent: Agent, client: number) => Promise<unknown>) {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  let stopped = false;
  const end = () => (stopped = true);
  running.add(end);
  const all = Array.from({ length: count }, async (_, client) => {
    while (!stopped) await next(agent, client);
  });
  return {
    async stop(): Promise<void> {
      end();
      await Promise.all(all);
      agent.destroy();
    },
  };
}
