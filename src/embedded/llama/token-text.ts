/** The parts of a tokenizer that turning tokens into text needs. */
export interface TokenDecoder {
  /** Text of `tokens` as it continues after `before`; incomplete characters come out as U+FFFD. */
  decode(tokens: readonly number[], before: readonly number[]): string;
  isControl(token: number): boolean;
  /** Name of a control token, such as `<|im_end|>`. */
  controlText(token: number): string;
}

interface TokenPiece {
  readonly text: string;
  readonly control: boolean;
}

export interface TokenText {
  push(token: number): readonly TokenPiece[];
  /** What is left when no further token comes, without a character that was cut. */
  end(): readonly TokenPiece[];
}

/** Enough for a tokenizer to know whether a space belongs before the next word. */
const CONTEXT_TOKENS = 4;
/** A character has at most four bytes, and a token holds at least one: more pending tokens are not a cut character. */
const MAX_PENDING = 4;

/** Turns tokens into text one at a time; a character that spans several tokens is sent when it is whole. */
export function tokenText(decoder: TokenDecoder): TokenText {
  let before: readonly number[] = [];
  let pending: number[] = [];
  const flush = (force: boolean): TokenPiece[] => {
    if (pending.length === 0) return [];
    const text = decoder.decode(pending, before);
    if (!force && text.endsWith("\uFFFD") && pending.length < MAX_PENDING) return [];
    before = [...before, ...pending].slice(-CONTEXT_TOKENS);
    pending = [];
    return text === "" ? [] : [{ text, control: false }];
  };
  return {
    push(token) {
      if (decoder.isControl(token)) {
        return [...flush(true), { text: decoder.controlText(token), control: true }];
      }
      pending.push(token);
      return flush(false);
    },
    end: () => flush(true).map((piece) => ({ ...piece, text: piece.text.replace(/\uFFFD+$/, "") })),
  };
}
