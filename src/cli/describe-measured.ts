import { type Endpoint, type Measured } from "../endpoint.ts";
import { unreachable } from "../errors.ts";
import { oneLine } from "./output/table.ts";

type Gated = Pick<Endpoint, "contextWindow" | "tools" | "measured">;

/** The window, and how it is known: `32768 tokens, proved; a longer prompt is refused; 2 conversations at once`. */
export function describeContext({ contextWindow, measured }: Gated): string {
  const window = `${contextWindow} tokens`;
  if (measured === undefined) return window;
  const { truncates } = measured.context;
  const { parallel = 1 } = measured;
  return [
    `${window}${proofNote(measured.context)}`,
    ...(truncates === undefined ? [] : [`a longer prompt is ${truncates ? "cut" : "refused"}`]),
    ...(parallel > 1 ? [`${parallel} conversations at once`] : []),
  ].join("; ");
}

function proofNote({ proof, provedTokens }: Measured["context"]): string {
  switch (proof) {
    case "full":
      return ", proved";
    case "partial":
      return `, ${provedTokens ?? 0} of them proved`;
    case "told":
      return ", says the engine";
    case "assumed":
      return ", assumed";
    case "failed":
      return ", not proved: a prompt failed";
    default:
      return unreachable(proof);
  }
}

/** Whether an agent's tools reach the model, and what became of a call that was forced. */
export function describeTools({ tools, measured }: Gated): string {
  const seen = measured?.tools;
  if (seen?.accepted === false) return "no: a request with tools is refused";
  if (seen?.rendered === false) return "no: they are dropped on the way to the model";
  if (!tools) return "no";
  if (seen?.call === undefined) return "yes";
  return seen.call === "well-formed"
    ? "yes; a forced call came back well-formed"
    : `yes; a forced call did not come back: ${oneLine(seen.call)}`;
}

/** `first token after 0.3 s, 85 tokens/s, reads 900 tokens/s`, as far as it was measured. */
export function describeSpeed({ measured }: Gated): readonly string[] {
  const { firstTokenMs, tokensPerSecond, promptTokensPerSecond } = measured ?? {};
  const told = [
    ...(firstTokenMs === undefined ? [] : [`first token after ${seconds(firstTokenMs)}`]),
    ...(tokensPerSecond === undefined ? [] : [`writes ${rounded(tokensPerSecond)} tokens/s`]),
    ...(promptTokensPerSecond === undefined
      ? []
      : [`reads ${rounded(promptTokensPerSecond)} tokens/s`]),
  ];
  return told.length === 0 ? [] : [`${told.join(", ")}, when it came up`];
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function rounded(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
