import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { inspectCode } from "../../src/code/inspectCode";
import { inspectPackage, PackageError } from "../../src/code/packageArchive";
import { unpackArchive } from "../../src/code/packageUnpack";
import { unpackArchiveSync } from "../../src/code/syncJob";
import { limits } from "../../src/spec";
import { temporaryFolder } from "../support/temporaryFolder";
import { type ZipEntry, zipFile } from "../support/zipFile";

const folder = temporaryFolder();
const EXECUTABLE = 0o100755;
const FILE = 0o100644;
const LINK = 0o120777;

function write(entries: ZipEntry[] | Buffer, name = "package.zip"): string {
  const file = join(folder(), name);
  writeFileSync(file, Buffer.isBuffer(entries) ? entries : zipFile(entries));
  return file;
}

const unpack = (file: string) => unpackArchive(file, join(folder(), "cache"));

/** Nothing may be left of an archive that is refused. */
async function expectRefused(file: string, message: RegExp): Promise<void> {
  const error: unknown = await unpack(file).then(
    () => "unpacked",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PackageError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).toContain(file);
  expect(readdirSync(join(folder(), "cache"))).toEqual([]);
}

describe("unpacking", () => {
  test("keeps folders, contents, executable bits and links", async () => {
    const file = write([
      { name: "bootstrap", data: "#!/bin/sh\n", mode: EXECUTABLE },
      { name: "lib/", mode: 0o040755 },
      { name: "lib/data.bin", data: Buffer.from([0, 255]), mode: FILE },
      { name: "lib/stored.txt", data: "as it is", mode: FILE, method: 0 },
      { name: "empty/", mode: 0o040700 },
      { name: "deep/er/tool", data: "x", mode: 0o100700 },
      { name: "lib/current", data: "../deep/er", mode: LINK },
      { name: "ünïcode.txt", data: "ü", mode: FILE },
    ]);
    const unpacked = await unpack(file);
    expect(readFileSync(join(unpacked, "lib/data.bin"))).toEqual(Buffer.from([0, 255]));
    expect(readFileSync(join(unpacked, "lib/stored.txt"), "utf8")).toBe("as it is");
    expect(readFileSync(join(unpacked, "ünïcode.txt"), "utf8")).toBe("ü");
    expect(readdirSync(join(unpacked, "empty"))).toEqual([]);
    expect(readlinkSync(join(unpacked, "lib/current"))).toBe("../deep/er");
    expect(readFileSync(join(unpacked, "lib/current/tool"), "utf8")).toBe("x");
    const isExecutable = (path: string) => (statSync(join(unpacked, path)).mode & 0o111) !== 0;
    expect(isExecutable("bootstrap")).toBe(true);
    expect(isExecutable("deep/er/tool")).toBe(true);
    expect(isExecutable("lib/data.bin")).toBe(false);
  });

  test("makes a bootstrap executable where the archive knows no modes", async () => {
    const unpacked = await unpack(
      write(
        [
          { name: "bootstrap", data: "x" },
          { name: "other", data: "y" },
        ],
        "app.jar",
      ),
    );
    expect(statSync(join(unpacked, "bootstrap")).mode & 0o111).not.toBe(0);
    expect(statSync(join(unpacked, "other")).mode & 0o111).toBe(0);
  });

  test("happens once for the same contents, and anew for others", async () => {
    const file = write([{ name: "a", data: "1" }]);
    const [first, second] = await Promise.all([unpack(file), unpack(file)]);
    expect(second).toBe(first);
    expect(readdirSync(join(folder(), "cache"))).toHaveLength(1);
    write([{ name: "a", data: "2" }]);
    const changed = await unpack(file);
    expect(changed).not.toBe(first);
    expect(readFileSync(join(changed, "a"), "utf8")).toBe("2");
    expect(readFileSync(join(first, "a"), "utf8")).toBe("1");
  });

  test("keeps the newest versions only", async () => {
    for (let n = 0; n < 8; n++) await unpack(write([{ name: "a", data: String(n) }]));
    expect(readdirSync(join(folder(), "cache"))).toHaveLength(5);
  });

  test.each([
    ["at once", (file: string) => Promise.resolve(unpackArchiveSync(file, join(folder(), "cache")))],
    ["later", unpack],
  ])("keeps a version that was asked for again %s", async (_when, unpackAgain) => {
    const first = await unpack(write([{ name: "a", data: "0" }], "first.zip"));
    for (let n = 1; n < 5; n++) await unpack(write([{ name: "a", data: String(n) }]));
    expect(await unpackAgain(join(folder(), "first.zip"))).toBe(first);
    await unpack(write([{ name: "a", data: "5" }]));
    expect(readFileSync(join(first, "a"), "utf8")).toBe("0");
    expect(readdirSync(join(folder(), "cache"))).toHaveLength(5);
  });

  test("keeps a version that something runs from, however old it is", async () => {
    const first = await unpack(write([{ name: "a", data: "0" }]));
    for (let n = 1; n < 8; n++)
      await unpackArchive(write([{ name: "a", data: String(n) }]), join(folder(), "cache"), (used) => used === first);
    expect(readFileSync(join(first, "a"), "utf8")).toBe("0");
    expect(readdirSync(join(folder(), "cache"))).toHaveLength(6);
  });
});

describe("an archive is refused", () => {
  test.each<[string, ZipEntry[], RegExp]>([
    ["with an absolute path", [{ name: "/etc/x" }], /absolute path/],
    ["with a path of Windows", [{ name: "C:\\x" }], /absolute path/],
    ["with a path that leaves it", [{ name: "a/../../x" }], /relative path/],
    ["with a path that leaves it by backslashes", [{ name: "..\\x" }], /relative path/],
    ["with a path twice", [{ name: "a" }, { name: "./a" }], /"a" is in it twice/],
    ["with a file below a file", [{ name: "a" }, { name: "a/b" }], /"a" cannot be/],
    ["with a link to an absolute path", [{ name: "l", data: "/etc/passwd", mode: LINK }], /"l" leads out/],
    ["with a link that leaves it", [{ name: "d/l", data: "../../x", mode: LINK }], /"d\/l" leads out/],
    [
      "with a link that leaves it through another",
      [
        { name: "x", data: "1", mode: FILE },
        { name: "here", data: ".", mode: LINK },
        { name: "out", data: "here/..", mode: LINK },
      ],
      /"out" leads out/,
    ],
    ["with a link to nothing", [{ name: "l", data: "missing", mode: LINK }], /leads to nothing/],
    ["with links in a circle", [{ name: "l", data: "l", mode: LINK }], /leads to nothing/],
    [
      "with a file that is written through a link",
      [
        { name: "d", data: "/tmp", mode: LINK },
        { name: "d/x", data: "1", mode: FILE },
      ],
      /"d\/x" is below "d", which is a link/,
    ],
    [
      "with a folder below a link",
      [
        { name: "real/", mode: 0o040755 },
        { name: "l", data: "real", mode: LINK },
        { name: "l/sub/", mode: 0o040755 },
      ],
      /"l\/sub" is below "l", which is a link/,
    ],
    ["with a device", [{ name: "null", mode: 0o020666 }], /neither a file nor a folder/],
    ["that is encrypted", [{ name: "a", data: "x", encrypted: true }], /is encrypted/],
    ["with a compression that nobody has", [{ name: "a", data: "x", method: 99 }], /other than deflate/],
    ["with more bytes than it claims", [{ name: "a", data: "x".repeat(100), claimedBytes: 10 }], /too many bytes/],
    ["with fewer bytes than it claims", [{ name: "a", data: "x", claimedBytes: 100 }], /not enough bytes/],
    ["that unpacks to too much", [{ name: "a", claimedBytes: limits.MAX_CODE_BYTES + 1 }], /more than 50 MiB/],
    ["that is a bomb", [{ name: "a", data: Buffer.alloc(20 * 1024 * 1024) }], /200 times its size/],
  ])("%s", async (_name, entries, message) => {
    await expectRefused(write(entries), message);
  });

  test("before anything is made through its links", async () => {
    const outside = join(folder(), "outside");
    mkdirSync(outside);
    // from a cache's temporary folder
    const target = "../../outside";
    await expectRefused(
      write([
        { name: "d", data: target, mode: LINK },
        { name: "d/.profile.d/evil", data: "../payload", mode: LINK },
      ]),
      /"d\/\.profile\.d\/evil" is below "d"/,
    );
    expect(readdirSync(outside)).toEqual([]);
  });

  test("with too many files", async () => {
    const entries = Array.from({ length: limits.MAX_CODE_FILES + 1 }, (_, n) => ({ name: `f${n}`, method: 0 }));
    await expectRefused(write(entries), /more than 20,000 files/);
  });

  test.each([
    ["no archive", Buffer.from("this is some text and no archive at all")],
    ["empty", Buffer.alloc(0)],
    ["cut off", zipFile([{ name: "a", data: "x".repeat(1000) }]).subarray(0, 60)],
  ])("that is %s", async (_name, contents) => {
    await expectRefused(write(contents), /not a ZIP archive/);
  });

  test("that does not exist", async () => {
    await expect(unpack(join(folder(), "no.zip"))).rejects.toThrow(/no\.zip.*does not exist/);
  });
});

describe("inspecting", () => {
  test("says what an archive unpacks to, at once", () => {
    const file = write([{ name: "bootstrap", data: "x".repeat(500), mode: EXECUTABLE }, { name: "lib/" }]);
    expect(inspectPackage(file)).toEqual({
      unpackedBytes: 500,
      files: new Map([["bootstrap", { kind: "file", executable: true }]]),
    });
  });

  test("tells the kind of code", () => {
    expect(inspectCode(write([{ name: "bootstrap" }]))).toMatchObject({ kind: "zip", runtime: "custom", files: 1 });
    expect(inspectCode(write([{ name: "src/index.js" }]))).toMatchObject({ kind: "zip", runtime: "nodejs" });
    expect(inspectCode(write([{ name: "Main.class" }], "a.jar"))).toMatchObject({ kind: "jar", runtime: "custom" });
    expect(inspectCode(write([{ name: "../x" }]))).toEqual({
      problem: expect.stringContaining("relative path") as string,
    });
  });
});
