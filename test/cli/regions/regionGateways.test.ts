import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

import { type Gateway, type GatewayOptions } from "../../../src/gateway/gatewayOptions";
import { localRegion } from "../../../src/cli/regions/regionFolders";
import { RegionGateways } from "../../../src/cli/regions/regionGateways";
import { freePorts } from "../../support/freePorts";
import { writeFiles } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
let calls: string[];
let refuse: Record<string, Error>;
beforeEach(() => {
  calls = [];
  refuse = {};
});

function startGateway(options: GatewayOptions): Promise<Gateway> {
  const name = localRegion(options.folder).region;
  if (refuse[name] !== undefined) return Promise.reject(refuse[name]);
  calls.push(`start ${name}`);
  const note = (what: string) => {
    calls.push(`${what} ${name}`);
    return Promise.resolve();
  };
  return Promise.resolve({
    url: `http://${name}`,
    status: () => Promise.reject(new Error("not asked")),
    reload: () => note("reload"),
    stop: () => note("stop"),
  });
}

async function region(name: string, port: number) {
  const document = {
    apiVersion: "fullcode/v1",
    kind: "Region",
    name,
    app: "a",
    environment: "e",
    environmentType: "t",
  };
  const path = join(folder(), "e", name);
  await writeFiles(path, { "region.json": JSON.stringify({ ...document, port, url: `http://localhost:${port}` }) });
  return localRegion(path);
}

const gateways = () =>
  new RegionGateways({ projectFolder: folder(), watchCode: true, onLog: () => undefined, startGateway });

test("a region stays where it is when another process has its next port, and moves once that is free", async () => {
  const [taken] = await freePorts(1);
  const other = createServer().listen(taken, "127.0.0.1");
  await once(other, "listening");
  const running = gateways();
  const eu = await region("eu", 1);
  await running.reconcile([eu]);
  calls = [];
  await region("eu", taken);
  const { started, stopped, problems } = await running.reconcile([eu]);
  expect([started, stopped]).toEqual([[], []]);
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      `^Region e/eu: port ${taken} is taken by another process, so the region stays at http://eu\\. `,
    ),
  ]);
  expect(calls).toEqual(["reload eu"]);
  other.close();
  await once(other, "close");
  expect(await running.reconcile([eu])).toMatchObject({ started: [eu], problems: [] });
  expect(calls).toEqual(["reload eu", "stop eu", "start eu"]);
});

test("regions are started, reloaded, moved and stopped", async () => {
  const running = gateways();
  const [eu, us] = [await region("eu", 1), await region("us", 2)];
  expect(await running.reconcile([eu, us])).toEqual({ started: [eu, us], stopped: [], problems: [] });
  expect([...running.urls.values()]).toEqual(["http://eu", "http://us"]);

  calls = [];
  await region("us", 3);
  expect(await running.reconcile([eu, us])).toEqual({ started: [us], stopped: [], problems: [] });
  expect(calls).toEqual(["stop us", "reload eu", "start us"]);

  calls = [];
  expect(await running.reconcile([us])).toEqual({ started: [], stopped: [eu], problems: [] });
  expect(calls).toEqual(["stop eu", "reload us"]);

  await running.stopAll();
  expect(calls).toContain("stop us");
  expect(running.urls.size).toBe(0);
});

test("a region that cannot be started does not keep others from it, and is tried again", async () => {
  const running = gateways();
  const [eu, us] = [await region("eu", 4001), await region("us", 4002)];
  refuse.eu = Object.assign(new Error("listen"), { code: "EADDRINUSE" });
  const { started, problems } = await running.reconcile([eu, us]);
  expect(started).toEqual([us]);
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Region e\/eu: port 4001 is taken by another process\. .*local\(\{ port: … \}\)/),
  ]);
  refuse = {};
  expect((await running.reconcile([eu, us])).started).toEqual([eu]);
});

test("a region whose document has become invalid stays where it is", async () => {
  const running = gateways();
  const eu = await region("eu", 1);
  await running.reconcile([eu]);
  await writeFiles(eu.folder, { "region.json": "{" });
  calls = [];
  expect(await running.reconcile([eu])).toEqual({ started: [], stopped: [], problems: [] });
  expect(calls).toEqual(["reload eu"]);
});

test("a region that another process serves is named", async () => {
  refuse.eu = Object.assign(new Error("in use"), { name: "StoreInUseError" });
  const { problems } = await gateways().reconcile([await region("eu", 1)]);
  expect(problems[0]?.message).toMatch(/^Region e\/eu is served by another process already\./);
});

test("a defect is not hidden", async () => {
  refuse.eu = new TypeError("defect");
  await expect(gateways().reconcile([await region("eu", 1)])).rejects.toThrow("defect");
});
