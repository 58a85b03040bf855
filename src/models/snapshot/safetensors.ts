import { open, type FileHandle } from "node:fs/promises";
import * as z from "zod";
import { StackError } from "../../errors.ts";

/** The format's own limit (safetensors README, "Format"). */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

export interface SafetensorsHeader {
  /** Numbers in all tensors; packed ones count as they are stored. */
  readonly parameters: number;
  /** Of the most bytes: `BF16`, `F8_E4M3`, … */
  readonly dtype: string | undefined;
}

/** Reads the header of a local file. `MODEL_UNAVAILABLE` when it is none, or has another length than its header says. `name` is for messages. */
export async function readSafetensorsHeader(
  path: string,
  name: string,
): Promise<SafetensorsHeader> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { header, length } = await readHeader(file, size, name);
    const tensors = Object.values(header);
    const data = tensors.reduce((end, { data_offsets: [, to] }) => Math.max(end, to), 0);
    const expected = LENGTH_BYTES + length + data;
    if (size !== expected) {
      throw unusable(name, `It has ${size} bytes, and should have ${expected} by its own header.`);
    }
    const bytes = new Map<string, number>();
    for (const {
      dtype,
      data_offsets: [from, to],
    } of tensors) {
      bytes.set(dtype, (bytes.get(dtype) ?? 0) + to - from);
    }
    return {
      parameters: tensors.reduce(
        (sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1),
        0,
      ),
      dtype: [...bytes].toSorted(([, a], [, b]) => b - a)[0]?.[0],
    };
  } finally {
    await file.close();
  }
}

async function readHeader(
  file: FileHandle,
  size: number,
  name: string,
): Promise<{ readonly header: z.infer<typeof headerSchema>; readonly length: number }> {
  const start = Buffer.alloc(LENGTH_BYTES);
  await file.read(start, 0, LENGTH_BYTES, 0);
  const length = Number(start.readBigUInt64LE());
  if (length < 2 || length > Math.min(MAX_HEADER_BYTES, size - LENGTH_BYTES)) {
    throw unusable(name, "It does not begin with a header of that format, or is cut off.");
  }
  const text = Buffer.alloc(length);
  await file.read(text, 0, length, LENGTH_BYTES);
  try {
    const parsed = z.record(z.string(), z.unknown()).parse(JSON.parse(text.toString("utf8")));
    const { __metadata__: _, ...tensors } = parsed;
    return { header: headerSchema.parse(tensors), length };
  } catch (cause) {
    throw unusable(name, "Its header cannot be read.", cause);
  }
}

function unusable(name: string, why: string, cause?: unknown): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${name} is not a safetensors file that can be used.`,
    why,
    next: "choose another repository, or copy the folder again",
    cause,
  });
}
