import { StackError } from "../errors.ts";
import type { RunContext } from "../run-context.ts";
import { requireSource } from "./formats.ts";
import type { GgufModel, ModelFormat, ModelReference, StoredModel, WantedFormat } from "./model.ts";
import type { Peeked } from "./peek/peek.ts";
import { formatReference } from "./reference.ts";
import { preferredServedName } from "./served-name.ts";
import { absoluteReference } from "./store/absolute.ts";
import { findStored } from "./store/find.ts";
import { blobPath, snapshotPath, storeLayout, storeRoot, type Layout } from "./store/layout.ts";
import { foreignWarning } from "./store/foreign-warning.ts";
import { readIndex, readRecords } from "./store/records.ts";

/** How a model may be fetched. */
export interface FetchOptions {
  /** Registries (`host:port`) that may be spoken to over plain HTTP. Loopback always may. */
  readonly insecureRegistries: readonly string[];
  readonly offline: boolean;
  /** PEM file of extra certificate authorities. */
  readonly ca: string | undefined;
}

/** What a name means here, known without network: the plan is made from this. */
interface ModelPlan {
  /** Canonical text of the reference. */
  readonly reference: string;
  readonly servedName: string;
  /** Undefined when it is still to be fetched. */
  readonly stored: StoredModel | undefined;
}

export interface BadFile {
  /** Absolute path. */
  readonly path: string;
  readonly reason: "missing" | "size" | "digest" | "unreadable";
  /** The models that need it, by canonical reference. */
  readonly usedBy: readonly Pick<StoredModel, "reference" | "format">[];
}

export interface VerifyReport {
  readonly models: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly bad: readonly BadFile[];
}

export interface RemovedModel {
  readonly reference: string;
  readonly format: ModelFormat;
  readonly servedName: string;
  /** Bytes given back: blobs that another model uses stay. */
  readonly freedBytes: number;
}

export interface DiskUse {
  readonly root: string;
  /** Bytes on disk by inode: a file that is linked twice counts once. */
  readonly totalBytes: number;
  readonly models: readonly {
    readonly reference: string;
    readonly format: ModelFormat;
    readonly bytes: number;
    /** Of these, bytes that another model uses too. */
    readonly sharedBytes: number;
  }[];
  /** Downloads that were cut off and can go on. */
  readonly partialBytes: number;
  /** Blobs that no model uses. */
  readonly unusedBytes: number;
  /** Free on the file system of the store. */
  readonly freeBytes: number;
}

/**
 * The model store: an Ollama models folder (`blobs/`, `manifests/`) with our records beside it (`index/`).
 * One pool of blobs for every source and engine. One reference may be here in both formats, as two models; where none is
 * named, a GGUF is meant, and `any` takes what there is, a GGUF before safetensors.
 */
export interface Store {
  readonly root: string;
  /** By record and file sizes only: a few milliseconds, no hashing, no network. */
  find(reference: ModelReference, format?: WantedFormat): Promise<StoredModel | undefined>;
  /** `USAGE` when the reference can never be a model in this format. */
  plan(reference: ModelReference, format?: WantedFormat): Promise<ModelPlan>;
  /** What can be known of a model that is not here without fetching it, or why nothing is; `MODEL_UNAVAILABLE` where its source refuses it. */
  peek(reference: ModelReference, options: FetchOptions, format?: ModelFormat): Promise<Peeked>;
  list(): Promise<readonly StoredModel[]>;
  /** Absolute paths of the records that this version can't read; warns of them. */
  unread(): Promise<readonly string[]>;
  /**
   * Finds it or fetches it, with `progress` events. Goes on where an earlier attempt stopped.
   * Errors: `MODEL_UNAVAILABLE`, `DIGEST_MISMATCH`, `DOES_NOT_FIT`; aborted, the signal's reason.
   */
  ensure(
    reference: ModelReference,
    options: FetchOptions,
    format?: WantedFormat,
  ): Promise<StoredModel>;
  /** Makes what `cappedManifests` names: for an engine that is to give no longer answers than this many tokens. */
  capAnswers(model: GgufModel, maxOutputTokens: number): Promise<void>;
  /** `MODEL_UNKNOWN` when it is not here. */
  remove(reference: ModelReference, format?: ModelFormat): Promise<RemovedModel>;
  /** Hashes every file of one model (in both formats), or of all. */
  verify(reference?: ModelReference): Promise<VerifyReport>;
  df(): Promise<DiskUse>;
  /** Removes partial downloads that nobody is working on, and blobs that no manifest names. */
  gc(): Promise<{ readonly freedBytes: number }>;
  /** Absolute path of the GGUF, or of the folder of the snapshot. */
  weightsPath(model: StoredModel): string;
}

/** `STACK_MODELS_DIR`, else `models` in the XDG data folder. Opens nothing yet. */
export function openStore(context: RunContext): Store {
  const { host } = context;
  const layout = storeLayout(storeRoot(host));
  const find: Store["find"] = (reference, format = "gguf") =>
    findStored(context, layout, absoluteReference(host, reference), format);
  return {
    root: layout.root,
    find,
    plan: async (reference, format = "gguf") => {
      requireSource(reference, format);
      const stored = await find(reference, format);
      return {
        reference: formatReference(absoluteReference(host, reference)),
        servedName: stored?.servedName ?? preferredServedName(reference),
        stored,
      };
    },
    peek: async (reference, options, format = "gguf") => {
      const { peekModel } = await import("./peek/peek.ts");
      return peekModel(context, absoluteReference(host, reference), options, format);
    },
    list: () => readRecords(layout),
    unread: async () => {
      const { foreign } = await readIndex(layout);
      if (foreign.length > 0) context.emit(foreignWarning("Not all models are listed", foreign));
      return foreign.map(({ path }) => path);
    },
    // What moves bytes is loaded only when it is needed: a warm start never does.
    ensure: async (reference, options, format = "gguf") => {
      requireSource(reference, format);
      const { ensureModel } = await import("./store/ensure.ts");
      return ensureModel(context, layout, absoluteReference(host, reference), options, format);
    },
    capAnswers: async (model, maxOutputTokens) => {
      const { capAnswers } = await import("./store/cap-answers.ts");
      await capAnswers(context, layout, model, maxOutputTokens);
    },
    remove: async (reference, format = "gguf") => {
      const { removeModel } = await import("./store/remove.ts");
      const canonical = formatReference(absoluteReference(host, reference));
      return removeModel(context, layout, canonical, format);
    },
    verify: async (reference) => {
      const { verifyModels } = await import("./store/verify.ts");
      return verifyModels(context, layout, await chosen(context, layout, reference));
    },
    df: async () => {
      const { diskUse } = await import("./store/disk-use.ts");
      return diskUse(layout);
    },
    gc: async () => {
      const { collectGarbage } = await import("./store/collect-garbage.ts");
      return collectGarbage(context, layout);
    },
    weightsPath: (model) =>
      model.format === "gguf"
        ? blobPath(layout, model.weights.digest)
        : snapshotPath(layout, model),
  };
}

async function chosen(
  { host }: RunContext,
  layout: Layout,
  reference: ModelReference | undefined,
): Promise<readonly StoredModel[]> {
  const records = await readRecords(layout);
  if (reference === undefined) return records;
  const canonical = formatReference(absoluteReference(host, reference));
  const wanted = records.filter((record) => record.reference === canonical);
  if (wanted.length > 0) return wanted;
  throw new StackError("MODEL_UNKNOWN", {
    what: `${canonical} is not in the store.`,
    next: "stack models ls",
  });
}
