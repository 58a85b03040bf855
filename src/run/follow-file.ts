import { open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { isErrno } from "../host/atomic-write.ts";
import type { RunContext } from "../run-context.ts";

/** Milliseconds between two looks at a file that grows. */
const PAUSE_MS = 100;

/** Hands over each line that is appended from now on, until the signal aborts (its reason is thrown). */
export async function followFile(
  context: RunContext,
  file: string,
  onLine: (line: string) => void,
): Promise<never> {
  const decoder = new StringDecoder("utf8");
  let offset: number | undefined;
  let rest = "";
  for (;;) {
    const grown = await readFrom(file, offset);
    offset = grown.offset;
    const lines = (rest + decoder.write(grown.bytes)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    await context.host.clock.sleep(PAUSE_MS, context.signal);
  }
}

/** What stands behind `offset`; the first look (no offset) only finds the end. A file that shrank begins anew. */
async function readFrom(
  file: string,
  offset: number | undefined,
): Promise<{ readonly offset: number; readonly bytes: Buffer }> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      if (offset === undefined) return { offset: size, bytes: Buffer.alloc(0) };
      const from = size < offset ? 0 : offset;
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(size - from),
        0,
        size - from,
        from,
      );
      return { offset: from + bytesRead, bytes: buffer.subarray(0, bytesRead) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isErrno(error, "ENOENT")) return { offset: 0, bytes: Buffer.alloc(0) };
    throw error;
  }
}
