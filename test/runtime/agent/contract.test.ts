import { BASH_LOOP, custom, nodeLoop } from "../../support/customRuntimes";
import { testGateways } from "../../support/testGateway";

const gateways = testGateways();

test("the Bash loop of the documentation serves requests", async () => {
  const gateway = await gateways.start({ functions: { hello: custom(BASH_LOOP) }, routes: { hello: {} } });
  for (let i = 0; i < 3; i++) {
    const answer = await gateway.call("/hello");
    expect(answer).toMatchObject({ status: 200, text: "Echoing request: hello world!" });
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  }
});

test("an event is the request as JSON", async () => {
  const gateway = await gateways.start({
    functions: { echo: custom(nodeLoop("(event) => event")) },
    routes: { echo: { method: "POST", path: "/things/:id" } },
    params: { currency: "EUR" },
  });
  const answer = await gateway.call("/things/7?a=1&a=2", { body: { x: "ü" } });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({
    ids: { id: "7" },
    query: { a: ["1", "2"] },
    method: "POST",
    path: "/things/7",
    body: { x: "ü" },
    files: [],
    appParams: { currency: "EUR" },
    trigger: { type: "endpoint", name: "echo" },
    appInfo: { appName: "shop", functionName: "echo", deliveryAttempt: 1 },
  });
});
