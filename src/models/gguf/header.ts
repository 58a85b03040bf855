import { open } from "node:fs/promises";
import * as z from "zod";
import { StackError } from "../../errors.ts";
import type { ModelFacts } from "../model.ts";
import { templateFacts } from "../template-facts.ts";
import { shapeOfGguf } from "./memory-shape.ts";
import { tensorDataBytes, tiedEmbeddingBytes } from "./tensor-bytes.ts";

/** What is read from the header of a GGUF file. */
export interface GgufHeader {
  readonly facts: ModelFacts;
  /** Jinja, as the model's makers wrote it. */
  readonly chatTemplate: string | undefined;
}

const text = z.string().min(1).optional().catch(undefined);
const count = z
  .union([z.number(), z.bigint()])
  .transform(Number)
  .pipe(z.int().positive())
  .optional()
  .catch(undefined);

const metadataSchema = z.looseObject({
  "general.architecture": z.string().min(1),
  "general.file_type": z.number().optional().catch(undefined),
  "tokenizer.chat_template": text,
  "split.count": count,
});

/**
 * Reads the header of a local GGUF. `MODEL_UNAVAILABLE` when it is none, is cut off, or is one part of a split model.
 * `name` is for messages.
 */
export async function readGgufHeader(path: string, name: string): Promise<GgufHeader> {
  const size = await requireMagic(path, name);
  return readHeader(path, { allowLocalFile: true }, size, name);
}

/** The same of a GGUF elsewhere, of which `fetch` gives ranges; `bytes` is its size as its source tells it. */
export async function readRemoteGgufHeader(
  { url, bytes, fetch }: RemoteGguf,
  name: string,
): Promise<GgufHeader> {
  return readHeader(url, { fetch }, bytes === undefined ? undefined : BigInt(bytes), name);
}

export interface RemoteGguf {
  readonly url: string;
  readonly bytes: number | undefined;
  readonly fetch: typeof globalThis.fetch;
}

async function readHeader(
  source: string,
  how: { readonly allowLocalFile: true } | { readonly fetch: typeof globalThis.fetch },
  size: bigint | undefined,
  name: string,
): Promise<GgufHeader> {
  // Loaded here: it costs start-up time, and only an import of a model needs it.
  const { gguf, GGMLFileQuantizationType } = await import("@huggingface/gguf");
  let metadata: z.infer<typeof metadataSchema>;
  let parameters: number;
  let end: bigint;
  let tiedBytes: number;
  try {
    const parsed = await gguf(source, { ...how, computeParametersCount: true });
    metadata = metadataSchema.parse(parsed.metadata);
    parameters = parsed.parameterCount;
    end = parsed.tensorDataOffset + tensorDataBytes(parsed.tensorInfos);
    tiedBytes = tiedEmbeddingBytes(parsed.tensorInfos);
  } catch (cause) {
    throw unreadable(name, "Its header cannot be read.", cause);
  }
  // The reader fills what is missing with zeros; an engine would crash on it, or worse, answer.
  if (size !== undefined && end > size) {
    throw unreadable(name, `It is cut off: ${size} bytes of at least ${end} are there.`);
  }
  if ((metadata["split.count"] ?? 1) > 1) {
    throw unreadable(name, "It is one part of a model that is split over several files.");
  }
  const architecture = metadata["general.architecture"];
  const context = count.parse(metadata[`${architecture}.context_length`]);
  const fileType = metadata["general.file_type"];
  const quantisation = fileType === undefined ? undefined : GGMLFileQuantizationType[fileType];
  const chatTemplate = metadata["tokenizer.chat_template"];
  const shape = shapeOfGguf(architecture, metadata);
  return {
    chatTemplate,
    facts: {
      architecture,
      ...(context === undefined ? {} : { trainedContext: context }),
      ...(quantisation === undefined ? {} : { quantisation: quantisation.replace(/^MOSTLY_/, "") }),
      ...(parameters > 0 ? { parameters } : {}),
      ...templateFacts(chatTemplate, architecture),
      memory: shape === undefined ? null : { ...shape, tiedBytes },
    },
  };
}

/** Resolves to the size of the file. */
async function requireMagic(path: string, name: string): Promise<bigint> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead < 4 || buffer.toString("latin1") !== "GGUF") {
      throw unreadable(name, "It does not begin with the mark of a GGUF file.");
    }
    return BigInt((await file.stat()).size);
  } finally {
    await file.close();
  }
}

function unreadable(name: string, why: string, cause?: unknown): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${name} is not a GGUF model that can be used.`,
    why,
    next: "choose another file, quantisation or package",
    cause,
  });
}
