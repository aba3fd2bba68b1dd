import { deflateRawSync } from "node:zlib";

export interface ZipEntry {
  /** As it is written into the archive. */
  name: string;
  data?: string | Buffer;
  /** Type and permissions, as Unix has them. Without one the archive says nothing of modes, as on Windows. */
  mode?: number;
  /** What the directory claims, where that is not the truth. */
  claimedBytes?: number;
  encrypted?: boolean;
  method?: number;
}

const UTF8_NAMES = 0x800;

/** A ZIP archive with exactly these entries, whatever they are. */
export function zipFile(entries: ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data = "", mode, claimedBytes, encrypted = false, method = 8 } of entries) {
    const nameBytes = Buffer.from(name);
    const raw = Buffer.from(data);
    const packed = method === 0 ? raw : deflateRawSync(raw);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(UTF8_NAMES | (encrypted ? 1 : 0), 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(claimedBytes ?? raw.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, nameBytes, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(mode === undefined ? 0 : (mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([20, mode === undefined ? 0 : 3]);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), madeBy, common, tail, nameBytes]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
