import { expect, test } from "vitest";
import type { Measured } from "../endpoint.ts";
import { describeContext, describeSpeed, describeTools } from "./describe-measured.ts";

const told: Measured = { ready: "first-token", context: { proof: "told" } };
const endpoint = (measured: Measured | undefined, tools = true) => ({
  contextWindow: 8192,
  tools,
  measured,
});

test.each<[Measured | undefined, string]>([
  [undefined, "8192 tokens"],
  [told, "8192 tokens, says the engine"],
  [{ ...told, context: { proof: "assumed" } }, "8192 tokens, assumed"],
  [
    { ...told, context: { proof: "full", provedTokens: 8180, truncates: false } },
    "8192 tokens, proved; a longer prompt is refused",
  ],
  [
    { ...told, context: { proof: "partial", provedTokens: 5000, truncates: true } },
    "8192 tokens, 5000 of them proved; a longer prompt is cut",
  ],
  [{ ...told, context: { proof: "failed" } }, "8192 tokens, not proved: a prompt failed"],
  [{ ...told, parallel: 4 }, "8192 tokens, says the engine; 4 conversations at once"],
  [{ ...told, parallel: 1 }, "8192 tokens, says the engine"],
])("the window of %j", (measured, expected) => {
  expect(describeContext(endpoint(measured))).toBe(expected);
});

test.each<[Measured["tools"], boolean, string]>([
  [undefined, true, "yes"],
  [undefined, false, "no"],
  [{ accepted: true, rendered: true }, true, "yes"],
  [{ accepted: true, call: "well-formed" }, true, "yes; a forced call came back well-formed"],
  [
    { accepted: true, call: "the answer has no call" },
    true,
    "yes; a forced call did not come back: the answer has no call",
  ],
  [{ accepted: false, why: "HTTP 400" }, false, "no: a request with tools is refused"],
  [{ accepted: true, rendered: false }, false, "no: they are dropped on the way to the model"],
])("tools that are %j", (tools, usable, expected) => {
  const measured = { ...told, ...(tools === undefined ? {} : { tools }) };
  expect(describeTools(endpoint(measured, usable))).toBe(expected);
});

test.each<[Partial<Measured>, readonly string[]]>([
  [{}, []],
  [{ firstTokenMs: 320 }, ["first token after 320 ms, when it came up"]],
  [
    { firstTokenMs: 12_340, tokensPerSecond: 4.26, promptTokensPerSecond: 901.4 },
    ["first token after 12.3 s, writes 4.3 tokens/s, reads 901 tokens/s, when it came up"],
  ],
])("the speed of %j", (measured, expected) => {
  expect(describeSpeed(endpoint({ ...told, ...measured }))).toEqual(expected);
});
