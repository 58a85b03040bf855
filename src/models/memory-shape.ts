import * as z from "zod";

/** Layers that keep keys and values of the same size, for as many tokens. */
const kvGroupSchema = z.object({
  layers: z.int().positive(),
  kvHeads: z.int().positive(),
  /** Numbers of one key, and of one value, of one head. No value is kept where it follows from the key (latent attention). */
  keyLength: z.int().positive(),
  valueLength: z.int().nonnegative(),
  /** They look back at no more than this many tokens. Absent: at all of them. */
  window: z.int().positive().optional(),
});
export type KvGroup = z.infer<typeof kvGroupSchema>;

/** What of a model decides how much memory its context takes, whatever format it is stored in. */
export const memoryShapeSchema = z.object({
  kv: z.array(kvGroupSchema),
  /** Bytes that recurrent layers keep of one conversation, however long it is. */
  stateBytes: z.int().nonnegative(),
  /** Numbers that a token is between two layers. */
  embeddingLength: z.int().positive(),
  /** Numbers that it is at the widest place inside of one. */
  widestLength: z.int().positive(),
  vocabulary: z.int().positive(),
  /** Heads of one layer that ask. Absent where it was not looked up. */
  queryHeads: z.int().positive().optional(),
  /** Bytes of the table of words where it makes the answers too; 0 where that is a tensor of its own. Absent where it was not looked up. */
  tiedBytes: z.int().nonnegative().optional(),
});
export type MemoryShape = z.infer<typeof memoryShapeSchema>;

/** One layer, before equal ones are put together. */
export type KvLayer = Omit<KvGroup, "layers">;

/** Puts equal layers together, in the order in which they first appear. */
export function groupLayers(layers: readonly KvLayer[]): readonly KvGroup[] {
  const groups = new Map<string, KvGroup>();
  for (const { kvHeads, keyLength, valueLength, window } of layers) {
    const key = [kvHeads, keyLength, valueLength, window].join(":");
    const found = groups.get(key);
    groups.set(key, {
      layers: (found?.layers ?? 0) + 1,
      kvHeads,
      keyLength,
      valueLength,
      ...(window === undefined ? {} : { window }),
    });
  }
  return [...groups.values()];
}
