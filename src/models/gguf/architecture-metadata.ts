import * as z from "zod";

const numberOf = z.union([z.number(), z.bigint()]).transform(Number);
const count = numberOf.pipe(z.int().nonnegative());

/** The metadata of one architecture, by the names without its prefix. A value per layer is an array. */
export interface ArchitectureMetadata {
  readonly architecture: string;
  readonly layers: number;
  /** Undefined where the header has none, or an array. */
  number(key: string): number | undefined;
  /** The value of each layer: a single one holds for all. */
  perLayer(key: string): readonly (number | undefined)[];
  flags(key: string): readonly boolean[] | undefined;
}

export function architectureMetadata(
  architecture: string,
  metadata: Readonly<Record<string, unknown>>,
): ArchitectureMetadata | undefined {
  const read = (key: string): unknown => metadata[`${architecture}.${key}`];
  const number = (key: string): number | undefined => count.safeParse(read(key)).data;
  const layers = number("block_count");
  if (layers === undefined || layers === 0) return undefined;
  return {
    architecture,
    layers,
    number,
    perLayer: (key) => {
      const list = z.array(count).safeParse(read(key)).data;
      const same = number(key);
      return Array.from({ length: layers }, (_, layer) => list?.[layer] ?? same);
    },
    flags: (key) =>
      z
        .array(z.union([z.boolean(), numberOf.transform((value) => value !== 0)]))
        .safeParse(read(key)).data,
  };
}
