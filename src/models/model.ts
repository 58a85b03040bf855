import * as z from "zod";
import { memoryShapeSchema } from "./memory-shape.ts";

/** `sha256:` and 64 lower-case hex digits. Digests from outside must match before they become a path (CVE-2024-37032). */
export const digestSchema = z
  .templateLiteral(["sha256:", z.string()])
  .refine((value) => /^sha256:[0-9a-f]{64}$/.test(value), "not a sha256 digest");
export type Digest = z.infer<typeof digestSchema>;

/** Where a model comes from. Written `pypi:package[==version]`, `file:path`, `hf:org/repo[:quant or file][@revision]`, `ollama:[registry/][namespace/]name[:tag]`. */
export type ModelReference =
  | { readonly scheme: "pypi"; readonly package: string; readonly version: string | undefined }
  | { readonly scheme: "file"; readonly path: string }
  | {
      readonly scheme: "hf";
      readonly repo: string;
      /** A quantisation such as `Q4_K_M`, or a file name. */
      readonly select: string | undefined;
      readonly revision: string;
    }
  | {
      readonly scheme: "ollama";
      /** `registry.ollama.ai`, or `host[:port]` of any OCI registry. */
      readonly registry: string;
      readonly namespace: string;
      readonly name: string;
      readonly tag: string;
    };

/** How a conversation is written down, where one of these is recognised. */
const chatFamilySchema = z.enum(["chatml", "gemma", "llama3"]);
export type ChatFamily = z.infer<typeof chatFamilySchema>;

/** What the GGUF header, or the `config.json` of a snapshot, says, as far as planning needs it. */
const modelFactsSchema = z.object({
  architecture: z.string(),
  /** Tokens the model was trained for; absent when the header has none. */
  trainedContext: z.int().positive().optional(),
  quantisation: z.string().optional(),
  parameters: z.number().optional(),
  /** Whether its own chat template renders tools. */
  templateHasTools: z.boolean(),
  hasChatTemplate: z.boolean(),
  /** Absent when it is none that we know. */
  chatFamily: chatFamilySchema.optional(),
  /** What its context takes; null when the header does not say enough. Absent in records of older versions. */
  memory: memoryShapeSchema.nullable().optional().catch(undefined),
});
export type ModelFacts = z.infer<typeof modelFactsSchema>;

/** What an engine reads: one GGUF file, or a folder with safetensors, configuration and tokenizer (a snapshot). */
export type ModelFormat = "gguf" | "safetensors";
/** The one that is taken first where there are both. */
export const MODEL_FORMATS = ["gguf", "safetensors"] as const satisfies readonly ModelFormat[];
/** Either: the one that is there. */
export type WantedFormat = ModelFormat | "any";

const blobSchema = z.object({ digest: digestSchema, bytes: z.int().nonnegative() });

const anyModel = {
  /** Canonical text of the reference it was fetched by. */
  reference: z.string(),
  /** The id under which engines serve it, such as `smollm2:135m`. */
  servedName: z.string(),
  /** Every blob that belongs to it, weights included, each once. */
  blobs: z.array(blobSchema),
  facts: modelFactsSchema,
  /** For `file:` only: size and modification time of what was taken in, to notice that it is something else now. */
  fileStamp: z.string().optional(),
  /** Whether Ollama renders tools for it: by the template layer of its manifest, which may be ours and not the model's own. Absent where Ollama cannot serve it. */
  ollamaTools: z.boolean().optional(),
  fetchedAt: z.iso.datetime(),
};

const ggufModelSchema = z.object({
  ...anyModel,
  // Records of earlier versions do not say.
  format: z.literal("gguf").default("gguf"),
  /** The GGUF itself. */
  weights: blobSchema,
  /** `manifests/<registry>/<namespace>/<name>/<tag>` that makes Ollama see it, below the store's root. */
  ollamaManifest: z.string().regex(/^manifests(\/[A-Za-z0-9_][A-Za-z0-9_.:-]*){4}$/),
});
export type GgufModel = z.infer<typeof ggufModelSchema>;

const snapshotModelSchema = z.object({
  ...anyModel,
  format: z.literal("safetensors"),
  /** Digest of the list of its files (no blob has it), and the bytes of its safetensors together. */
  weights: blobSchema,
  /** `snapshots/<id>`: its folder below the store's root. */
  snapshot: z.string().regex(/^snapshots\/[A-Za-z0-9][A-Za-z0-9._-]*$/),
  /** What lies in that folder, by name: each is the blob itself under a second name. */
  files: z
    .array(z.object({ path: z.string().regex(/^[A-Za-z0-9_][\w.-]*$/), digest: digestSchema }))
    .min(1),
  /** Its chat template (Jinja); null when it has none. Absent in records of older versions. */
  chatTemplate: z.string().nullable().optional(),
});
export type SnapshotModel = z.infer<typeof snapshotModelSchema>;

/** One model in the store: what `models ls` shows and engines are given. */
export const storedModelSchema = z.discriminatedUnion("format", [
  snapshotModelSchema,
  ggufModelSchema,
]);
export type StoredModel = z.infer<typeof storedModelSchema>;
