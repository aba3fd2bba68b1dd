import { POD_NAME_VARIABLE as ofInstances } from "../../src/link/instanceConfig";
import { POD_NAME_VARIABLE } from "../../src/spec";
import { testGateways } from "../support/testGateway";

const gateways = testGateways();

test("pods of functions get their name as those of gateways do", () => {
  expect(ofInstances).toBe(POD_NAME_VARIABLE);
});

test("an instance of a local region loads nothing that only pods need", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.json(process.moduleLoadList)" },
    routes: { f: {} },
  });
  const loaded = (await gateway.call("/f")).json as string[];
  expect(loaded).toContain("NativeModule net");
  for (const name of ["tls", "_tls_wrap", "dns", "http", "crypto"])
    expect(loaded).not.toContain(`NativeModule ${name}`);
});
