import * as z from "zod";
import type { ProbeAnswer } from "./probe.ts";
import { readJson } from "./read-json.ts";

/** Milliseconds for what a server answers without the model, or with a handful of tokens on a slow one. */
export const ANSWER_MS = 120_000;

const usageSchema = z.object({
  prompt_tokens: z.int().nonnegative(),
  completion_tokens: z.int().nonnegative().optional(),
});
const answerSchema = z.object({ usage: usageSchema.nullish() });

/** Tokens of the prompt by the server's own count; undefined when it does not tell. */
export function usedTokens(text: string): number | undefined {
  const tokens = readJson(text, answerSchema)?.usage?.prompt_tokens;
  return tokens === undefined || tokens === 0 ? undefined : tokens;
}

/** The JSON in a stream of server-sent events. */
export function events(text: string): readonly unknown[] {
  return text.split("\n").flatMap((line) => (line.startsWith("data:") ? json(line.slice(5)) : []));
}

/** The JSON in an answer of whatever form: itself, lines of it (Ollama's own API), or events. */
export function records(text: string): readonly unknown[] {
  const whole = json(text);
  if (whole.length > 0) return whole;
  return [...text.split("\n").flatMap(json), ...events(text)];
}

function json(text: string): readonly unknown[] {
  const value = readJson(text, z.unknown());
  return value === undefined ? [] : [value];
}

const said = z.record(z.string(), z.unknown());
const chunkSchema = z.object({ choices: z.array(z.object({ delta: said })) });
const wholeSchema = z.object({ choices: z.array(z.object({ message: said })) });

/** Tokens of a streamed answer: by its usage, else one for each event that carries text. */
export function streamedTokens(text: string): number {
  const all = events(text);
  const counts = all.map((event) => answerSchema.safeParse(event).data?.usage?.completion_tokens);
  const counted = counts.findLast((count) => count !== undefined);
  return counted ?? all.filter(carriesText).length;
}

/** Whether an answer that came in one piece says anything. */
export function hasText(text: string): boolean {
  return isText(readJson(text, wholeSchema)?.choices[0]?.message);
}

function carriesText(event: unknown): boolean {
  return isText(chunkSchema.safeParse(event).data?.choices[0]?.delta);
}

/** Of the answer or of the thoughts before it, which have several names. */
function isText(message: z.infer<typeof said> = {}): boolean {
  return Object.entries(message).some(
    ([key, value]) => /^(content|reasoning)/.test(key) && typeof value === "string" && value !== "",
  );
}

const messageSchema = z.object({ message: z.string() });
const errorSchema = z.object({ error: z.unknown().refine((error) => error != null) });
const otherErrorSchema = z.union([messageSchema, z.object({ detail: z.string() })]);

/**
 * The words of the error in an answer, which a stream that began well can hold too: `{"error":{"message"}}` (OpenAI, our gateway),
 * `{"error":"…"}` (Ollama, LM Studio). Undefined where there is none; null is none.
 */
export function errorOf(text: string, most = 300): string | undefined {
  for (const record of records(text)) {
    const parsed = errorSchema.safeParse(record);
    if (!parsed.success) continue;
    const { error } = parsed.data;
    if (typeof error === "string") return oneLine(error, most);
    const message = messageSchema.safeParse(error).data?.message;
    return oneLine(message ?? JSON.stringify(error), most);
  }
  return undefined;
}

/**
 * What a server says went wrong, as one line of at most `most` characters: as `errorOf`, `{"message"}` (older vLLM), `{"detail"}`
 * (FastAPI), the title of an HTML page, or the text itself.
 */
export function errorText(text: string, most = 300): string {
  const error = errorOf(text, most);
  if (error !== undefined) return error;
  const body = text.replace(/^data: /, "");
  const other = readJson(body, otherErrorSchema);
  if (other !== undefined) return oneLine("detail" in other ? other.detail : other.message, most);
  if (!/^\s*<(!doctype|html)/i.test(body)) return oneLine(body, most) || "an empty answer";
  const title = /<title[^>]*>([^<]*)</i.exec(body)?.[1];
  return oneLine(`a web page${title === undefined ? "" : `: ${title}`}`, most);
}

function oneLine(words: string, most: number): string {
  return words.replaceAll(/\s+/g, " ").trim().slice(0, most);
}

/** The server has too much to do, or is not ready yet: the same question may be answered later. */
export function isBusy({ status }: ProbeAnswer): boolean {
  return status === 429 || status === 503;
}

/** Every error as the gate words it. */
export function refusal(answer: ProbeAnswer): string {
  return `HTTP ${answer.status}: ${errorText(answer.text)}`;
}

/**
 * The window that a refusal names, in tokens: vLLM and OpenAI ("maximum context length is N tokens"), llama-server
 * (`n_ctx`), LM Studio ("n_ctx (N)"), SGLang ("longer than the model's context length (N tokens)", "exceeds the maximum
 * allowed length (N tokens)" of its pool), ours ("the window holds N").
 */
export function namedWindow(text: string): number | undefined {
  for (const pattern of WINDOWS) {
    const digits = pattern.exec(text)?.[1]?.replaceAll(",", "");
    const tokens = Number(digits);
    if (digits !== undefined && Number.isSafeInteger(tokens) && tokens > 0) return tokens;
  }
  return undefined;
}

const WINDOWS = [
  /maximum context length (?:is|of) (?:only )?([\d,]+)/i,
  /context length \(([\d,]+) tokens\)/i,
  /context length of only ([\d,]+)/i,
  /window holds ([\d,]+)/i,
  /n_ctx"?(?:: ?| ?\()([\d,]+)/i,
  /context size \(([\d,]+) tokens\)/i,
  /maximum allowed length \(([\d,]+) tokens\)/i,
];
