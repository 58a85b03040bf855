/** Docker's framing of stdout and stderr on one connection: 1 byte stream, 3 zero bytes, 4 bytes length (big endian), then the bytes. */
const HEADER_BYTES = 8;

/** A reader that is fed chunks, cut anywhere, and calls `onLine` for each whole line of either stream, in the order in which lines end. */
export function logLines(onLine: (line: string) => void): {
  readonly push: (chunk: Buffer) => void;
  /** Hands over a last line without a line feed. */
  readonly end: () => void;
} {
  let pending: Buffer = Buffer.alloc(0);
  const streams = new Map<number, LineBuffer>();
  return {
    push(chunk) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (pending.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + pending.readUInt32BE(4);
        if (pending.length < end) return;
        const stream = pending.readUInt8(0);
        const lines = streams.get(stream) ?? lineBuffer(onLine);
        streams.set(stream, lines);
        lines.push(pending.subarray(HEADER_BYTES, end));
        pending = pending.subarray(end);
      }
    },
    end() {
      for (const lines of streams.values()) lines.end();
    },
  };
}

interface LineBuffer {
  readonly push: (bytes: Buffer) => void;
  readonly end: () => void;
}

/** Splits UTF-8 bytes, cut anywhere, into lines. */
export function lineBuffer(onLine: (line: string) => void): LineBuffer {
  const decoder = new TextDecoder();
  let rest = "";
  const take = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line.replace(/\r$/, ""));
  };
  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end() {
      take(decoder.decode());
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
