import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readProject } from "../../../src/cli/project/project";
import { readStackConfig } from "../../../src/cli/project/stackConfig";

/** Written by `pulumi config set`, with `--secret` and `--path` where that shows, by the passphrase "correct horse". */
const STACK_FILE = `encryptionsalt: v1:zG/N6NZagX0=:v1:cJgh/TNi2kTVUHC3:d3FKJqzcUQ9LzJAbxoSWxk1c1dxupw==
config:
  shop:stripeKey:
    secure: v1:x+vZN294kvGkQkwg:R5pTEHJOS+FJX26Qm96omvAA5rJlW55gnQ==
  shop:port: "4001"
  shop:regions:
    eu:
      port: 5001
      token:
        secure: v1:/w9RJ17QY5t7KZmn:pgqXEWIl5ZiLlua/DXLwCwPVx0y8xwI=
  shop:list:
    - a
    - true
    - secure: v1:QBeAnM3qBI981jgt:dvu24pLwfh3iGsQST8WYdbba
  shop:flag: "true"
  shop:text: "007"
  fullcode:x: "1"
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-config-"));
  await write("index.js", "");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);

async function read(environment: NodeJS.ProcessEnv = { PULUMI_CONFIG_PASSPHRASE: "correct horse" }) {
  return readStackConfig(await readProject(folder), "dev", environment);
}

test("reads plain, encrypted and structured values as the Pulumi engine hands them over", async () => {
  await write(
    "Pulumi.yaml",
    `name: shop
runtime: nodejs
config:
  currency: EUR
  port: 1
  shop:threads: { type: integer, default: 4 }
  other: { value: 1 }
  aws:region: x
`,
  );
  await write("Pulumi.dev.yaml", STACK_FILE);
  expect(await read()).toEqual({
    values: {
      "aws:region": "x",
      "fullcode:x": "1",
      "shop:currency": "EUR",
      "shop:flag": "true",
      "shop:list": '["a",true,"zz"]',
      "shop:other": "1",
      "shop:port": "4001",
      "shop:regions": '{"eu":{"port":5001,"token":"tö:ken"}}',
      "shop:stripeKey": "sk_test_1",
      "shop:text": "007",
      "shop:threads": "4",
    },
    secretKeys: ["shop:stripeKey", "shop:regions", "shop:list"],
  });
});

test("takes the passphrase from a file", async () => {
  await write("Pulumi.yaml", "name: shop\nruntime: nodejs\n");
  await write("Pulumi.dev.yaml", STACK_FILE);
  await write("passphrase", "correct horse\n");
  const { values } = await read({ PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "passphrase") });
  expect(values["shop:stripeKey"]).toBe("sk_test_1");
});

test("lets .env.<stack> win, which then needs no passphrase and stays secret", async () => {
  await write("Pulumi.yaml", "name: shop\nruntime: nodejs\nconfig: { currency: EUR }\n");
  await write("Pulumi.dev.yaml", "encryptionsalt: v1:a:b\nconfig:\n  shop:key: { secure: v1:x:y }\n  shop:port: 1\n");
  await write(".env.dev", 'key=local # mine\nshop:port="5002"\nexport aws:region=eu\ncurrency=TRY\n');
  expect(await read({})).toEqual({
    values: { "shop:key": "local", "shop:port": "5002", "aws:region": "eu", "shop:currency": "TRY" },
    secretKeys: ["shop:key"],
  });
});

test("a stack without files has the project's defaults", async () => {
  await write("Pulumi.yaml", "name: shop\nruntime: { name: nodejs }\nconfig: { currency: EUR }\n");
  expect(await read({})).toEqual({ values: { "shop:currency": "EUR" }, secretKeys: [] });
});

test.each<[string, string, NodeJS.ProcessEnv, RegExp]>([
  [
    "no passphrase",
    STACK_FILE,
    {},
    /"shop:stripeKey" is encrypted and no passphrase is set. Set PULUMI_CONFIG_PASSPHRASE/,
  ],
  ["a wrong passphrase", STACK_FILE, { PULUMI_CONFIG_PASSPHRASE: "wrong" }, /passphrase .* is not the one/],
  [
    "a missing passphrase file",
    STACK_FILE,
    { PULUMI_CONFIG_PASSPHRASE_FILE: "/none" },
    /PULUMI_CONFIG_PASSPHRASE_FILE: ENOENT/,
  ],
  [
    "another secrets provider",
    "secretsprovider: awskms://key\nencryptedkey: x\nconfig:\n  shop:a: { secure: AAAA }\n",
    { PULUMI_CONFIG_PASSPHRASE: "" },
    /"shop:a" is encrypted by awskms:\/\/key, .*\.env\.dev/,
  ],
  ["malformed YAML", "config: [", {}, /Pulumi\.dev\.yaml: .* at line 1, column 10/],
  ["a text in place of a mapping", "text", {}, /Pulumi\.dev\.yaml: it has to be a mapping .*, and is a string\.$/],
  ["a list as configuration", "config: [1]", {}, /Pulumi\.dev\.yaml: config: /],
])("%s is an error that says what to do", async (_, text, environment, message) => {
  await write("Pulumi.yaml", "name: shop\nruntime: nodejs\n");
  await write("Pulumi.dev.yaml", text);
  await expect(read(environment)).rejects.toMatchObject({
    name: "CliError",
    message: expect.stringMatching(message) as string,
  });
});

test("a value that the project requires and nothing sets is an error", async () => {
  await write("Pulumi.yaml", "name: shop\nruntime: nodejs\nconfig:\n  port: { type: integer }\n");
  await expect(read()).rejects.toThrow(/"shop:port" has no default.*pulumi config set shop:port.* in \.env\.dev\./);
  await write(".env.dev", "port=1");
  expect((await read()).values).toEqual({ "shop:port": "1" });
});

test("a line of .env.<stack> that is no assignment is named", async () => {
  await write("Pulumi.yaml", "name: shop\nruntime: nodejs\n");
  await write(".env.dev", '# mine\n\nkey="two\nlines"\nport: 1\n');
  await expect(read()).rejects.toThrow(/\.env\.dev:5: this line is no assignment such as "key=value"\.$/);
  await write(".env.dev", '# mine\n\nkey="two\nlines"\nexport a:b = 1\r\nempty=\n');
  expect((await read()).values).toEqual({ "shop:key": "two\nlines", "a:b": "1", "shop:empty": "" });
});
