import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { StackEvent } from "../events.ts";
import type { GgufModel, SnapshotModel } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore, type FetchOptions, type Store } from "../models/store.ts";
import { quickClock } from "./quick-clock.ts";
import { testHost } from "./test-host.ts";

/** A template as ChatML models have it, which ours is chosen for. */
export const CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}";

/** A model store in a home of its own, on which waiting takes no time. */
export interface StoreRig extends AsyncDisposable {
  readonly home: string;
  readonly store: Store;
  /** Everything that was told. */
  readonly events: readonly StackEvent[];
  /** How models are fetched unless something else is said. */
  readonly options: FetchOptions;
  /** The same home, another environment. */
  reopen(env: Readonly<Record<string, string>>): void;
  ensure(reference: string, options?: Partial<FetchOptions>): Promise<GgufModel>;
  ensureSnapshot(reference: string, options?: Partial<FetchOptions>): Promise<SnapshotModel>;
  /** Names in the pool, sorted; none when there is no pool yet. */
  blobFiles(): Promise<readonly string[]>;
  /** What is wrong: files that are no blobs, have another digest than their name says, or cannot be read by a container's user. */
  faults(): Promise<readonly string[]>;
}

const DEFAULTS: FetchOptions = { insecureRegistries: [], offline: false, ca: undefined };

export async function storeRig(env: Readonly<Record<string, string>> = {}): Promise<StoreRig> {
  const world = await testHost({ clock: quickClock([]), env });
  let store = openStore(world.context);

  async function blobFiles(): Promise<readonly string[]> {
    const names: readonly string[] = await readdir(join(store.root, "blobs")).catch(() => []);
    return names.toSorted();
  }
  return {
    home: world.home,
    events: world.events,
    options: DEFAULTS,
    get store() {
      return store;
    },
    reopen: (other) => {
      store = openStore({ ...world.context, host: { ...world.host, env: other } });
    },
    ensure: async (reference, options) => {
      const model = await store.ensure(parseReference(reference), { ...DEFAULTS, ...options });
      if (model.format !== "gguf") throw new Error("not a GGUF");
      return model;
    },
    ensureSnapshot: async (reference, options) => {
      const fetched = { ...DEFAULTS, ...options };
      const model = await store.ensure(parseReference(reference), fetched, "safetensors");
      if (model.format !== "safetensors") throw new Error("not a snapshot");
      return model;
    },
    blobFiles,
    faults: async () => {
      const bad = (await store.verify()).bad.map(({ path, reason }) => `${reason}: ${path}`);
      for (const name of await blobFiles()) {
        const path = join(store.root, "blobs", name);
        const { mode } = await stat(path);
        if ((mode & 0o777) !== 0o644) bad.push(`mode ${mode.toString(8)}: ${path}`);
        if (name !== `sha256-${sha256(await readFile(path))}`) bad.push(`digest: ${path}`);
      }
      return bad;
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

export function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
