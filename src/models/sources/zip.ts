import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createInflateRaw, crc32 } from "node:zlib";

/** One file in a zip archive (APPNOTE 4.3.12). */
export interface ZipMember {
  readonly name: string;
  readonly method: "stored" | "deflated";
  readonly crc: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly headerOffset: number;
}

const END_SIGNATURE = 0x06054b50;
const END64_SIGNATURE = 0x06064b50;
const MEMBER_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
/** End record, its longest comment, and the locator of the 64-bit record before it. */
const TAIL_BYTES = 22 + 0xffff + 20;
const CHUNK_BYTES = 1024 * 1024;
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;

/** The members of an archive on disk. Encrypted members and unknown compressions are left out. */
export async function readZipDirectory(path: string): Promise<readonly ZipMember[]> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const tailStart = Math.max(0, size - TAIL_BYTES);
    const tail = await readAt(file, tailStart, size - tailStart);
    const { offset, bytes } = await findDirectory(file, tail);
    if (bytes > MAX_DIRECTORY_BYTES || offset + bytes > size) throw new Error("damaged archive");
    return parseDirectory(await readAt(file, offset, bytes));
  } finally {
    await file.close();
  }
}

/** The bytes of one member. An error at the end unless size and CRC are right. */
export async function* memberBytes(
  path: string,
  member: ZipMember,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (member.bytes === 0) return;
  const start = await dataOffset(path, member);
  const input = createReadStream(path, {
    start,
    end: start + member.compressedBytes - 1,
    highWaterMark: CHUNK_BYTES,
  });
  // An error of the file ends the inflater too, and so reaches the loop below.
  const source =
    member.method === "stored"
      ? input
      : pipeline(input, createInflateRaw({ chunkSize: CHUNK_BYTES }), () => {});
  let crc = 0;
  let bytes = 0;
  for await (const data of source) {
    signal.throwIfAborted();
    const chunk: Buffer = data;
    crc = crc32(chunk, crc);
    bytes += chunk.length;
    // Also the bound on what a crafted archive may inflate to.
    if (bytes > member.bytes) throw new Error(`${member.name} is larger than the archive says`);
    yield chunk;
  }
  if (bytes !== member.bytes || crc !== member.crc) {
    throw new Error(`${member.name} is damaged in the archive`);
  }
}

async function findDirectory(
  file: FileHandle,
  tail: Buffer,
): Promise<{ readonly offset: number; readonly bytes: number }> {
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE) continue;
    const bytes = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    if (offset !== 0xffffffff && bytes !== 0xffffffff) return { offset, bytes };
    if (at < 20) break;
    const end64 = await readAt(file, Number(tail.readBigUInt64LE(at - 20 + 8)), 56);
    if (end64.readUInt32LE(0) !== END64_SIGNATURE) break;
    return {
      bytes: Number(end64.readBigUInt64LE(40)),
      offset: Number(end64.readBigUInt64LE(48)),
    };
  }
  throw new Error("not a zip archive");
}

function parseDirectory(directory: Buffer): readonly ZipMember[] {
  const members: ZipMember[] = [];
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === MEMBER_SIGNATURE) {
    const flags = directory.readUInt16LE(at + 8);
    const method = directory.readUInt16LE(at + 10);
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const commentBytes = directory.readUInt16LE(at + 32);
    const nameStart = at + 46;
    const extra = directory.subarray(nameStart + nameBytes, nameStart + nameBytes + extraBytes);
    const sizes = largeSizes(extra, {
      bytes: directory.readUInt32LE(at + 24),
      compressedBytes: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    if ((flags & 1) === 0 && (method === 0 || method === 8)) {
      members.push({
        name: directory.subarray(nameStart, nameStart + nameBytes).toString("utf8"),
        method: method === 0 ? "stored" : "deflated",
        crc: directory.readUInt32LE(at + 16),
        ...sizes,
      });
    }
    at = nameStart + nameBytes + extraBytes + commentBytes;
  }
  return members;
}

type Sizes = Pick<ZipMember, "bytes" | "compressedBytes" | "headerOffset">;

/** Field 1 of the extra block holds, in this order, those values that did not fit into 32 bits. */
function largeSizes(extra: Buffer, sizes: Sizes): Sizes {
  const result = { ...sizes };
  let at = 0;
  while (at + 4 <= extra.length) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) {
      let value = at + 4;
      for (const key of ["bytes", "compressedBytes", "headerOffset"] as const) {
        if (result[key] !== 0xffffffff) continue;
        result[key] = Number(extra.readBigUInt64LE(value));
        value += 8;
      }
      return result;
    }
    at += 4 + length;
  }
  return result;
}

/** The local header repeats name and extra block with lengths of its own. */
async function dataOffset(path: string, member: ZipMember): Promise<number> {
  const file = await open(path, "r");
  try {
    const header = await readAt(file, member.headerOffset, 30);
    if (header.readUInt32LE(0) !== LOCAL_SIGNATURE) throw new Error("damaged archive");
    return member.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw new Error("damaged archive");
  return buffer;
}
