import { randomInt } from "node:crypto";
import type { LlamaContextSequence, LlamaGrammarEvaluationState } from "node-llama-cpp";
import type { Clock } from "../../host/host.ts";
import { createPromptWriter, type PromptWriter } from "../chat/prompt.ts";
import type { EmbeddedConfig } from "../config.ts";
import type { Sampling } from "../openai/sampling.ts";
import { createEmbedder, type Embedder } from "./embedder.ts";
import { generate } from "./generate.ts";
import type { LoadedModel } from "./load.ts";
import { type SlotPool, slotPool } from "./slot-pool.ts";
import type { Vocabulary } from "./vocabulary.ts";

interface Thinking {
  readonly open: string;
  readonly close: string;
}

/** A loaded model as the HTTP side uses it. */
export interface Engine {
  /** When it became ready, in seconds since the epoch. */
  readonly createdSeconds: number;
  /** Tokens of one conversation. */
  readonly context: number;
  readonly trainedContext: number;
  readonly architecture: string;
  readonly prompts: PromptWriter;
  readonly vocabulary: Vocabulary;
  readonly thinking: Thinking | undefined;
  readonly pool: SlotPool<LlamaContextSequence>;
  readonly embedder: Embedder;
  /** A grammar in GBNF, ready to constrain one answer. */
  grammar(gbnf: string): Promise<LlamaGrammarEvaluationState>;
  run(request: RunRequest): AsyncGenerator<number, void, void>;
}

interface RunRequest {
  readonly sequence: LlamaContextSequence;
  readonly tokens: readonly number[];
  readonly limit: number;
  readonly sampling: Sampling;
  readonly signal: AbortSignal;
  readonly grammar: () => LlamaGrammarEvaluationState | undefined;
  readonly onReused: (count: number) => void;
}

export function createEngine(loaded: LoadedModel, config: EmbeddedConfig, clock: Clock): Engine {
  const { llamaCpp, llama, model, context, vocabulary } = loaded;
  const template = model.fileInfo.metadata.tokenizer.chat_template;
  const sequences = Array.from({ length: config.parallel }, () => context.getSequence());
  return {
    createdSeconds: Math.floor(clock.now() / 1000),
    context: config.context,
    trainedContext: loaded.trainedContext,
    architecture: model.architecture,
    vocabulary,
    prompts: createPromptWriter(
      template,
      { bos: model.tokens.bosString ?? "", eos: model.tokens.eosString ?? "" },
      vocabulary.endOfTurn,
    ),
    thinking: template?.includes("<think>") === true ? THINK_TAGS : undefined,
    pool: slotPool(sequences, config.queue, (sequence, tokens) => ({
      common: sequence.compareContextTokens([...tokens] as never).firstDifferentIndex,
      held: sequence.nextTokenIndex,
    })),
    embedder: createEmbedder(loaded, config.queue),
    async grammar(gbnf) {
      const grammar = await llama.createGrammar({ grammar: gbnf });
      return new llamaCpp.LlamaGrammarEvaluationState({ model, grammar });
    },
    run: (request) =>
      generate({
        ...request,
        seed: request.sampling.seed ?? randomInt(0, 2 ** 32),
        monotonic: () => clock.monotonic(),
      }),
  };
}

/** The tags of DeepSeek R1, Qwen 3 and most who followed. */
const THINK_TAGS: Thinking = { open: "<think>", close: "</think>" };
