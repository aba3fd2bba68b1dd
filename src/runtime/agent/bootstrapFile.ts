import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** File at the root of the code that is run. */
const BOOTSTRAP = "bootstrap";
const HEAD_BYTES = 4_096;

/** A bootstrap that cannot be run; the message says what to do. */
export class BootstrapError extends Error {
  constructor(
    override readonly name: "BootstrapNotFound" | "BootstrapNotExecutable" | "BootstrapNotRunnable",
    message: string,
  ) {
    super(message);
  }
}

/**
 * Looks at a bootstrap before it is started, since an operating system's own reasons for not starting a file name
 * neither the file that is missing nor the architecture that is wrong.
 *
 * @returns The file's absolute path.
 * @throws BootstrapError
 */
export function checkBootstrap(codeFolder: string): string {
  const file = join(codeFolder, BOOTSTRAP);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new BootstrapError("BootstrapNotFound", notFound(codeFolder));
  if (!stat.isFile())
    throw new BootstrapError("BootstrapNotFound", `"${BOOTSTRAP}" at the root of the code is not a file`);
  try {
    accessSync(file, constants.X_OK);
  } catch {
    throw new BootstrapError(
      "BootstrapNotExecutable",
      `"${BOOTSTRAP}" is not executable; run \`chmod +x ${BOOTSTRAP}\` before the code is packaged`,
    );
  }
  const problem = problemWithFormat(readHead(file));
  if (problem !== undefined)
    throw new BootstrapError("BootstrapNotRunnable", `"${BOOTSTRAP}" cannot be run: ${problem}`);
  return file;
}

function notFound(codeFolder: string): string {
  if (!existsSync(codeFolder)) return `the folder with the function's code, ${codeFolder}, does not exist`;
  const nested = readdirSync(codeFolder).find((name) => existsSync(join(codeFolder, name, BOOTSTRAP)));
  if (nested !== undefined)
    return `there is no "${BOOTSTRAP}" at the root of the code, but one in "${nested}": package that folder's contents, not the folder`;
  const java = existsSync(join(codeFolder, "META-INF", "MANIFEST.MF"))
    ? '; a .jar needs one as well, e.g. a script with `exec java -cp "$RUNTIME_CODE_ROOT" Main`'
    : "";
  return `there is no "${BOOTSTRAP}" at the root of the code; a custom runtime is an executable file of this name${java}`;
}

function readHead(file: string): Buffer {
  const handle = openSync(file, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(handle, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(handle);
  }
}

function problemWithFormat(head: Buffer): string | undefined {
  if (head.length === 0) return "it is empty";
  if (head.toString("latin1", 0, 2) === "#!") return problemWithScript(head);
  if (head.toString("latin1", 0, 4) === "\x7fELF") return problemWithElf(head);
  if (head.toString("latin1", 0, 2) === "MZ") return `it is a program for Windows; ${buildHint()}`;
  if (isMachO(head)) return process.platform === "darwin" ? undefined : `it is a program for macOS; ${buildHint()}`;
  return 'it is neither a program nor a script; the first line of a script names its interpreter, as in "#!/bin/bash"';
}

function problemWithScript(head: Buffer): string | undefined {
  const line = head.toString("utf8").split("\n", 1)[0];
  if (line.endsWith("\r")) return "its lines end in CR LF, as on Windows; save it with LF line ends";
  const interpreter = line.slice(2).trim().split(/\s+/)[0];
  if (interpreter === "") return 'its first line names no interpreter, as "#!/bin/bash" does';
  if (!existsSync(interpreter))
    return `its first line asks for the interpreter ${interpreter}, which is not installed here`;
  return undefined;
}

/** Numbers of the ELF specification for what Node.js runs on. */
const ELF_MACHINES: Record<number, string> = {
  3: "ia32",
  8: "mips",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};
const GO_ARCHITECTURES: Record<string, string> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
const ELF_INTERPRETER_SEGMENT = 3;

function problemWithElf(head: Buffer): string | undefined {
  if (process.platform !== "linux") return `it is a program for Linux; ${buildHint()}`;
  if (head.length < 64) return "it is cut off: copy or build it again";
  const littleEndian = head[5] === 1;
  const number = (offset: number, bytes: 2 | 4): number => {
    if (offset + bytes > head.length) return 0;
    if (bytes === 2) return littleEndian ? head.readUInt16LE(offset) : head.readUInt16BE(offset);
    return littleEndian ? head.readUInt32LE(offset) : head.readUInt32BE(offset);
  };
  const machine = number(18, 2);
  const architecture = ELF_MACHINES[machine] ?? `machine ${machine}`;
  if (architecture !== process.arch)
    return `it is built for ${architecture}, and this machine is ${process.arch}; ${buildHint()}`;
  if (head[4] !== 2) return undefined;
  // a dynamic program names its loader in a segment of its own; all of that is in the first page in practice
  const [segments, segmentSize, count] = [number(32, 4), number(54, 2), number(56, 2)];
  for (let index = 0; index < count; index++) {
    const segment = segments + index * segmentSize;
    if (number(segment, 4) !== ELF_INTERPRETER_SEGMENT) continue;
    const start = number(segment + 8, 4);
    const loader = head.toString("latin1", start, head.indexOf(0, start));
    if (loader.startsWith("/") && !existsSync(loader))
      return `it needs the loader ${loader}, which is not installed here; link it statically (Go: CGO_ENABLED=0, Rust: the musl target)`;
  }
  return undefined;
}

function isMachO(head: Buffer): boolean {
  const magic = head.length < 4 ? 0 : head.readUInt32BE(0);
  return [0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe].includes(magic);
}

function buildHint(): string {
  const architecture = GO_ARCHITECTURES[process.arch] ?? process.arch;
  return `build it for ${process.platform} and ${process.arch} (Go: GOOS=${process.platform} GOARCH=${architecture})`;
}
