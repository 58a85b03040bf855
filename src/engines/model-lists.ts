import * as z from "zod";
import type { ProbeAnswer } from "../gate/probe.ts";
import type { FoundModel, ListQuestion } from "./engine.ts";
import { softwareNamed } from "./adopted-software.ts";
import { readJson } from "../gate/read-json.ts";

const tokens = z.int().positive().nullish().catch(undefined);

/**
 * Fields beside OpenAI's own that say how many tokens a conversation may have: `max_model_len` (vLLM, SGLang), `context_length`
 * (our own embedded engine, OpenRouter, Together), `context_window` (Groq), `max_context_length` (Mistral), `meta.n_ctx`
 * (llama-server, ours). `meta.n_ctx_train` (llama-server) is what the model was trained for: the window may be smaller.
 */
const openaiSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1),
      owned_by: z.string().nullish().catch(undefined),
      max_model_len: tokens,
      context_length: tokens,
      context_window: tokens,
      max_context_length: tokens,
      meta: z.object({ n_ctx: tokens, n_ctx_train: tokens }).nullish().catch(undefined),
    }),
  ),
});

/** `GET /v1/models` of any OpenAI-compatible server. */
export const OPENAI_LIST: ListQuestion = {
  path: "/v1/models",
  read: (answer) =>
    whole(answer, openaiSchema)?.data.map((entry): FoundModel => {
      const { meta, max_model_len, context_length, context_window, max_context_length } = entry;
      const named = max_model_len ?? context_length ?? context_window ?? max_context_length;
      return {
        id: entry.id,
        context: meta?.n_ctx ?? named ?? undefined,
        maximum: meta?.n_ctx_train ?? undefined,
        software: softwareNamed(entry.owned_by ?? undefined),
      };
    }),
};

const lmstudioSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1),
      type: z.string().optional(),
      state: z.string(),
      max_context_length: tokens,
      loaded_context_length: tokens,
    }),
  ),
});

/**
 * `GET /api/v0/models` of LM Studio (0.3.6 and newer): every model on its disk, loaded or not; a second instance of one is
 * `id:2`. Asked before v1, whose `loaded_instances` has been seen empty while models were loaded.
 */
export const LMSTUDIO_LIST: ListQuestion = {
  path: "/api/v0/models",
  read: (answer) =>
    whole(answer, lmstudioSchema)?.data.map((entry): FoundModel => ({
      id: entry.id,
      context: entry.state === "loaded" ? (entry.loaded_context_length ?? undefined) : undefined,
      maximum: entry.max_context_length ?? undefined,
      state: stateOf(entry.state),
      chats: entry.type === undefined ? undefined : !entry.type.startsWith("embedding"),
    })),
};

const lmstudioV1Schema = z.object({
  models: z.array(
    z.object({
      type: z.string(),
      key: z.string().min(1),
      max_context_length: tokens,
      loaded_instances: z.array(
        z.object({ id: z.string().min(1), config: z.object({ context_length: tokens }) }),
      ),
    }),
  ),
});

/** `GET /api/v1/models` of LM Studio (0.4.0 and newer), should v0 be gone one day: an instance is a model of its own here. */
export const LMSTUDIO_V1_LIST: ListQuestion = {
  path: "/api/v1/models",
  read: (answer) =>
    whole(answer, lmstudioV1Schema)?.models.flatMap((entry): readonly FoundModel[] => {
      const common = {
        maximum: entry.max_context_length ?? undefined,
        chats: entry.type === "llm",
      };
      const loaded = entry.loaded_instances.map(({ id, config }): FoundModel => ({
        ...common,
        id,
        context: config.context_length ?? undefined,
        state: "loaded",
      }));
      return loaded.some(({ id }) => id === entry.key)
        ? loaded
        : [{ ...common, id: entry.key, state: "not-loaded" }, ...loaded];
    }),
};

const ollamaSchema = z.object({
  models: z.array(z.object({ name: z.string().min(1) })).nullable(),
});

/** `GET /api/tags` of Ollama: every model on its disk. */
export const OLLAMA_LIST: ListQuestion = {
  path: "/api/tags",
  read: (answer) => {
    const list = whole(answer, ollamaSchema);
    return list === undefined ? undefined : (list.models ?? []).map(({ name: id }) => ({ id }));
  },
};

function stateOf(text: string): FoundModel["state"] {
  if (text === "loaded" || text === "not-loaded") return text;
  return text === "loading" ? "loading" : undefined;
}

function whole<Schema extends z.ZodType>(
  answer: ProbeAnswer,
  schema: Schema,
): z.infer<Schema> | undefined {
  return answer.status === 200 ? readJson(answer.text, schema) : undefined;
}
