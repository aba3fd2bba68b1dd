import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";

import { freePorts } from "../support/freePorts";
import { copyQuickstart, editFile } from "../support/quickstartCopy";
import { waitUntil } from "../support/waitUntil";

const root = join(__dirname, "..", "..");
const engine = spawnSync("pulumi", ["version"], { encoding: "utf8" });
const isInstalled = engine.status === 0;
if (!isInstalled)
  console.warn("SKIPPED: the suite on the Pulumi engine needs `pulumi` on PATH (pulumi.com/docs/install)");

/** Resources of the quickstart, the stack among them. */
const RESOURCES = 46;
const MINUTES = 60_000;
const WAREHOUSE_KEY = "k3y-of-the-warehouse";

(isInstalled ? describe : describe.skip)("the quickstart on the Pulumi engine", () => {
  let folder = "";
  let stack: Stack;
  let urls: string[] = [];
  let server: ChildProcess | undefined;

  const program = () => join(folder, "examples", "quickstart", "index.ts");
  const region = (name: string) => join(folder, ".fullcode", "test", "development", name);
  const changes = async () => (await stack.up()).summary.resourceChanges;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "fullcode-pulumi-")));
    const ports = await freePorts(2);
    urls = ports.map((port) => `http://localhost:${port}`);
    await copyQuickstart(folder, { "eu-west": ports[0], "us-east": ports[1] });
    await mkdir(join(folder, "backend"));
    const envVars = {
      PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    stack = await LocalWorkspace.createOrSelectStack({ stackName: "test", workDir: folder }, { envVars });
    await stack.setConfig("warehouseKey", { value: WAREHOUSE_KEY, secret: true });
  }, 3 * MINUTES);

  afterAll(async () => {
    server?.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  test(
    "preview shows every resource and writes nothing",
    async () => {
      const { changeSummary, stdout } = await stack.preview();
      expect(changeSummary).toEqual({ create: RESOURCES });
      expect(stdout).toContain(urls[0]);
      expect(await readdir(folder)).not.toContain(".fullcode");
    },
    3 * MINUTES,
  );

  test(
    "up writes the documents of both regions",
    async () => {
      const { summary, outputs } = await stack.up();
      expect(summary.resourceChanges).toEqual({ create: RESOURCES });
      expect(outputs.urls.value).toEqual({ "eu-west": urls[0], "us-east": urls[1] });
      for (const name of ["eu-west", "us-east"])
        expect((await readdir(region(name))).sort()).toEqual([
          "cron.order-report.json",
          "function.attachments.json",
          "function.fulfilment.json",
          "function.orders.json",
          "function.report.json",
          "queue.fulfil-order.json",
          "region.json",
          "route.attach-files.json",
          "route.create-order.json",
          "route.get-order.json",
          "secrets",
        ]);
    },
    3 * MINUTES,
  );

  test(
    "secrets are encrypted in the state, which has no absolute path of this machine",
    async () => {
      const variables = await readFile(join(region("eu-west"), "secrets", "variables.fulfilment.json"), "utf8");
      expect(JSON.parse(variables)).toEqual({ WAREHOUSE_KEY });
      const file = join(folder, "backend", ".pulumi", "stacks", "quickstart", "test.json");
      const { checkpoint } = JSON.parse(await readFile(file, "utf8")) as {
        checkpoint: { latest: { resources: { inputs?: unknown; outputs?: unknown }[] } };
      };
      const state = JSON.stringify(checkpoint.latest.resources.map(({ inputs, outputs }) => ({ inputs, outputs })));
      expect(state).toContain("function.fulfilment.json");
      expect(state).not.toContain(WAREHOUSE_KEY);
      expect(state).not.toContain(folder);
    },
    MINUTES,
  );

  test(
    "the functions answer through `fullcode serve`",
    async () => {
      server = spawn(process.execPath, [join(root, "dist", "cli", "main.js"), "serve", "--stack", "test"], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let printed = "";
      for (const stream of [server.stdout, server.stderr])
        stream?.on("data", (chunk: Buffer) => (printed += String(chunk)));
      for (const url of urls) {
        await waitUntil(`${url} answers`, () => answers(url));
        const created = await fetch(`${url}/orders`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ items: [{ sku: "tea", quantity: 2, price: 30 }] }),
        });
        const order = (await created.json()) as { orderId: string };
        expect(created.status).toBe(201);
        expect(order).toMatchObject({ status: "received", total: 60, currency: "EUR", shipping: "free" });
        await waitUntil(`order ${order.orderId} is fulfilled\n${printed}`, async () => {
          const found = (await (await fetch(`${url}/orders/${order.orderId}`)).json()) as { status: string };
          return found.status === "fulfilled";
        });
      }
      server.kill("SIGTERM");
      const [code] = (await once(server, "exit")) as [number | null];
      expect({ code, printed }).toEqual({ code: 0, printed });
    },
    2 * MINUTES,
  );

  test(
    "a second up changes nothing",
    async () => {
      expect(await changes()).toEqual({ same: RESOURCES });
    },
    3 * MINUTES,
  );

  test(
    "one trigger more is one document a region",
    async () => {
      await editFile(
        program(),
        (text) => `${text}new EndpointTrigger("list-orders", { function: orders, path: "/orders" });\n`,
      );
      const { changeSummary, stdout } = await stack.preview();
      expect(changeSummary).toEqual({ create: 3, same: RESOURCES });
      expect(stdout.match(/fullcode:Document list-orders\S* create/g)).toHaveLength(2);
      expect(await changes()).toEqual({ create: 3, same: RESOURCES });
      expect(await readdir(region("us-east"))).toContain("route.list-orders.json");
    },
    3 * MINUTES,
  );

  test(
    "one handler edited is one update a region",
    async () => {
      const version = async () =>
        (JSON.parse(await readFile(join(region("eu-west"), "function.report.json"), "utf8")) as { version: string })
          .version;
      const before = await version();
      await editFile(join(folder, "examples/quickstart/functions/report/src/index.js"), (text) => `${text}// edited\n`);
      expect(await changes()).toEqual({ update: 2, same: RESOURCES + 1 });
      expect(await version()).not.toBe(before);
    },
    3 * MINUTES,
  );

  test(
    "a document that was removed or edited by hand is written again",
    async () => {
      await rm(join(region("eu-west"), "route.get-order.json"));
      await editFile(join(region("us-east"), "region.json"), (text) => text.replace("shop", "other"));
      expect(await changes()).toEqual({ update: 2, same: RESOURCES + 1 });
      expect(await readdir(region("eu-west"))).toContain("route.get-order.json");
      expect(await readFile(join(region("us-east"), "region.json"), "utf8")).toContain('"app": "shop"');
    },
    3 * MINUTES,
  );

  test(
    "a refresh finds a document that is gone",
    async () => {
      await rm(join(region("eu-west"), "route.get-order.json"));
      expect((await stack.refresh()).summary.resourceChanges).toMatchObject({ delete: 1 });
      expect(await changes()).toMatchObject({ create: 1 });
    },
    3 * MINUTES,
  );

  test(
    "problems of a component are one error without a stack",
    async () => {
      const text = await readFile(program(), "utf8");
      const broken =
        'new EndpointTrigger("get-order", { function: orders, path: "/orders/:id", session: "required" });\n';
      await editFile(program(), () => text + broken);
      const error = await stack.preview().then(
        () => "no error",
        (failure: Error) => failure.message,
      );
      expect(error).toContain(
        'EndpointTrigger "get-order": name: "get-order" is the name of another EndpointTrigger of this app; ' +
          'session: "required" needs `sessions` of ServerlessApp "shop"; path: "GET /orders/:id" takes the same requests ' +
          'as EndpointTrigger "get-order" (GET /orders/:orderId)',
      );
      expect(error).not.toContain("endpointTrigger.js");
      await editFile(program(), () => text);
    },
    3 * MINUTES,
  );

  test(
    "destroy leaves no document",
    async () => {
      await stack.destroy();
      const left = await readdir(join(folder, ".fullcode"), { recursive: true });
      expect(left.filter((path) => path.endsWith(".json") && !path.includes("/state/"))).toEqual([]);
    },
    3 * MINUTES,
  );
});

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
}
