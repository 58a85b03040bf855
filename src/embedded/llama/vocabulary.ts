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
  /** Texts that the tokenizer would read as control tokens; collected at first use. */
  controlTexts(): readonly string[];
  /** Tokens of a rendered prompt, begun as the model expects. */
  prompt(rendered: string): number[];
}

export function createVocabulary(model: LlamaModel): Vocabulary {
  const control = new Map<number, boolean>();
  let texts: readonly string[] | undefined;
  const isControl = (token: number): boolean => {
    const known = control.get(token);
    if (known !== undefined) return known;
    const value = model.isSpecialToken(toTokens([token])[0]);
    control.set(token, value);
    return value;
  };
  const controlText = (token: number): string => model.detokenize(toTokens([token]), true);
  const controlTexts = (): readonly string[] => {
    texts ??= [...model.iterateAllTokens()]
      .filter((token) => isControl(token))
      .map((token) => controlText(token))
      .filter((text) => text !== "");
    return texts;
  };
  return {
    size: model.fileInfo.metadata.tokenizer.ggml?.tokens?.length ?? Infinity,
    endOfTurn: [model.tokens.eosString, model.tokens.eotString].filter((text) => text !== null),
    isControl,
    controlText,
    controlTexts,
    decode: (tokens, before) => model.detokenize(toTokens(tokens), false, toTokens(before)),
    prompt(rendered) {
      const parts = rendered.includes("\uE0F0")
        ? promptParts(rendered, controlTexts())
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
