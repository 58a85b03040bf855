import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";

/** The first packets to a port that was published a moment ago can get lost; the next attempt comes through at once. */
export const FIRST_MS = 100;
/** A question that the engine answers from memory. */
export const QUICK_MS = 5000;
/** The first token of a large model on a CPU: minutes, not seconds. */
const FIRST_TOKEN_MS = 600_000;

/** Words by which an engine says that no second attempt will help, and what will. */
export type FatalWords = readonly (readonly [RegExp, string | undefined])[];

/** A streamed completion of one token, by OpenAI's API. */
export function firstTokenProbe(model: string, fatal: FatalWords): Probe {
  return {
    rung: "first-token",
    request: {
      method: "POST",
      path: "/v1/chat/completions",
      body: { model, stream: true, max_tokens: 1, messages: [{ role: "user", content: "Hi" }] },
      read: "first-event",
    },
    judge: (answer) =>
      answer.status === 200 && !answer.text.includes('"error"')
        ? { kind: "ok" }
        : judgeError(answer, fatal),
    attemptMs: FIRST_TOKEN_MS,
  };
}

/** The list of models has this one; `contextOf` finds the true context in its entry, where the engine tells it there. */
export function listedProbe<Entry extends { readonly id: string }>(
  model: string,
  title: string,
  entry: z.ZodType<Entry>,
  contextOf: (found: Entry) => number | undefined,
): Probe {
  const schema = z.object({ data: z.array(entry) });
  return {
    rung: "listed",
    request: { method: "GET", path: "/v1/models", read: "whole" },
    attemptMs: QUICK_MS,
    judge: (answer) => {
      const list = answer.status === 200 ? readJson(answer.text, schema) : undefined;
      if (list === undefined) return notYet(answer);
      const found = list.data.find(({ id }) => id === model);
      if (found === undefined) {
        const names = list.data.map(({ id }) => id).join(", ") || "none";
        return { kind: "fatal", why: `${title} serves ${names} and not ${model}` };
      }
      const context = contextOf(found);
      return context === undefined
        ? { kind: "ok" }
        : { kind: "ok", facts: { context_length: context } };
    },
  };
}

/** What an error means for whoever waits: by the engine's own words. */
export function judgeError(answer: ProbeAnswer, fatal: FatalWords): ProbeVerdict {
  const words = errorWords(answer.text);
  const known = fatal.find(([pattern]) => pattern.test(words));
  if (known === undefined) return notYet(answer);
  const [, next] = known;
  return { kind: "fatal", why: words, ...(next === undefined ? {} : { next }) };
}

export function notYet(answer: ProbeAnswer): ProbeVerdict {
  return { kind: "wait", why: `HTTP ${answer.status}: ${errorWords(answer.text).slice(0, 200)}` };
}

const errorSchema = z.object({ error: z.object({ message: z.string() }) });

function errorWords(text: string): string {
  return (
    readJson(text.replace(/^data: /, ""), errorSchema)?.error.message ?? text.trim().slice(0, 1000)
  );
}

/** Undefined for what is not JSON, or not of this shape. */
export function readJson<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): z.infer<Schema> | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
