import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TokenDecoder, tokenText } from "./token-text.ts";

/** A token is a byte; 256 is a control token. The hardest tokenizer there is for characters of several bytes. */
const bytes: TokenDecoder = {
  decode: (tokens) => Buffer.from(tokens).toString("utf8"),
  isControl: (token) => token === 256,
  controlText: () => "<end>",
};

describe("tokenText", () => {
  it("gives back any text, each character whole", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const decoder = tokenText(bytes);
        const pieces = [...Buffer.from(text)].flatMap((token) => decoder.push(token));
        const all = [...pieces, ...decoder.end()].map((piece) => piece.text);
        expect(all.join("")).toBe(text);
        expect(all.some((piece) => piece.includes("\uFFFD"))).toBe(text.includes("\uFFFD"));
      }),
    );
  });

  it("drops a character that was cut", () => {
    const decoder = tokenText(bytes);
    const [first = 0, second = 0] = Buffer.from("é");
    expect(decoder.push(first)).toEqual([]);
    expect(decoder.end()).toEqual([{ text: "", control: false }]);
    decoder.push(first);
    expect(decoder.push(second)).toEqual([{ text: "é", control: false }]);
  });

  it("does not wait for ever on bytes that are no character", () => {
    const decoder = tokenText(bytes);
    const pieces = [0xff, 0xff, 0xff, 0xff].flatMap((token) => decoder.push(token));
    expect(pieces).toHaveLength(1);
  });

  it("names control tokens", () => {
    const decoder = tokenText(bytes);
    expect([...decoder.push(65), ...decoder.push(256)]).toEqual([
      { text: "A", control: false },
      { text: "<end>", control: true },
    ]);
  });
});
