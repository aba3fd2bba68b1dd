import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { readPodFiles } from "../../../src/gateway/cluster/podFiles";
import { API_VERSION } from "../../../src/spec";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
const CONFIG = {
  apiVersion: API_VERSION,
  namespace: "shop-production",
  app: "shop",
  environment: "production",
  region: "eu-west",
  nats: { url: "nats://nats:4222", replicas: 1 },
};
const ROOTS = { current: { generation: 2, secret: Buffer.from("a root secret").toString("base64") } };

function given(files: Record<string, string> = {}, config: unknown = CONFIG) {
  const all = { "link-roots.json": JSON.stringify(ROOTS), "admin-token": "token\n", "nats.json": "{}", ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder(), name), text);
  return readPodFiles({ FULLCODE_GATEWAY: JSON.stringify(config) }, folder());
}

test("configuration and secrets are read", () => {
  expect(given()).toEqual({ config: CONFIG, roots: ROOTS, adminToken: "token", nats: {} });
});

test("what is missing or wrong is named, and no secret is quoted", () => {
  expect(() => readPodFiles({}, folder())).toThrow("FULLCODE_GATEWAY is not set");
  expect(() => given({}, { ...CONFIG, nats: { url: "nats://nats:4222", replicas: 9 } })).toThrow(
    /^FULLCODE_GATEWAY: nats\.replicas: /,
  );
  expect(() => given({ "nats.json": '{ "password": "s3cret" ' })).toThrow("nats.json: it is not valid JSON");
  expect(() => given({ "link-roots.json": '{ "current": { "generation": 0, "secret": "s3cret!" } }' })).toThrow(
    /^link-roots\.json: current\.generation: (?!.*s3cret)/,
  );
  expect(() => readPodFiles({ FULLCODE_GATEWAY: JSON.stringify(CONFIG) }, join(folder(), "nowhere"))).toThrow(
    /link-roots\.json cannot be read \(ENOENT\): it comes from the gateway's Secret/,
  );
});
