import type { LlamaModel, Token } from "node-llama-cpp";
import { type PromptPart, promptParts } from "../chat/control-text.ts";
import { toTokens } from "./generate.ts";
import type { TokenDecoder } from "./token-text.ts";

/** Text to tokens and back, for one model. */
export interface Vocabulary extends TokenDecoder {
  /** Number of tokens. */
  readonly size: number;
  /** Texts of the tokens that end an answer. */
  readonly endOfTurn: readonly string[];
  /** Texts that the tokenizer would read as control tokens. */
  readonly controlTexts: readonly string[];
  /** Tokens of a rendered prompt, begun as the model expects. */
  prompt(rendered: string): number[];
}

/** Looks at every token once: some 60 ms for 49,000 tokens, so it is done while llama.cpp allocates the context. */
export function createVocabulary(model: LlamaModel): Vocabulary {
  const control = new Map<number, string>();
  const endOfTurn: string[] = [];
  for (const token of model.iterateAllTokens()) {
    if (!model.isSpecialToken(token)) continue;
    const text = model.detokenize([token], true);
    control.set(token, text);
    if (model.isEogToken(token)) endOfTurn.push(text);
  }
  const controlTexts = [...new Set(control.values())].filter((text) => text !== "");
  return {
    size: model.fileInfo.metadata.tokenizer.ggml?.tokens?.length ?? Infinity,
    endOfTurn,
    controlTexts,
    isControl: (token) => control.has(token),
    controlText: (token) => control.get(token) ?? "",
    decode: (tokens, before) => model.detokenize(toTokens(tokens), false, toTokens(before)),
    prompt(rendered) {
      const parts = rendered.includes("\uE0F0")
        ? promptParts(rendered, controlTexts)
        : [{ text: rendered, plain: false }];
      const tokens = parts.flatMap((part, index) => tokenize(model, part, index > 0));
      const { bos, shouldPrependBosToken } = model.tokens;
      // Templates usually write the beginning token themselves; two of them confuse a model.
      return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
    },
  };
}

function tokenize(model: LlamaModel, part: PromptPart, continued: boolean): readonly Token[] {
  // Some tokenizers put a space in front of any text; between two parts of one text there is none.
  return model.tokenize(part.text, !part.plain, continued ? "trimLeadingSpace" : undefined);
}
