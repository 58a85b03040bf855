import * as z from "zod";
import { errorOf, errorText, events, records } from "../gate/chat-answer.ts";
import type { GateFacts, Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import { readJson } from "../gate/read-json.ts";

/** Of a port of this machine alone: the first packets to one that was published a moment ago can get lost; the next attempt comes through at once. */
export const FIRST_MS = 100;
/** A question that the engine answers from memory. */
export const QUICK_MS = 5000;
/** The first token of a large model on a CPU: minutes, not seconds. */
const FIRST_TOKEN_MS = 600_000;

/**
 * Milliseconds in which a stream of one token is to end; a server that takes no notice of `max_tokens` is left then. Never at
 * once: whoever breaks off a stream of Ollama's may leave it waiting for good (ollama/ollama#17131; seen with 0.17.4 at the
 * third and the 23rd attempt, and never in a thousand that were read to the end).
 */
const REST_MS = 10_000;

/** Words by which an engine says that no second attempt will help, and what will. */
export type FatalWords = readonly (readonly [RegExp, string | undefined])[];

/** A streamed completion of one token, by OpenAI's API. */
export function firstTokenProbe(model: string, fatal: FatalWords): Probe {
  return {
    rung: "first-token",
    title: "first token",
    request: {
      method: "POST",
      path: "/v1/chat/completions",
      body: { model, stream: true, max_tokens: 1, messages: [{ role: "user", content: "Hi" }] },
      read: { restMs: REST_MS },
    },
    judge: (answer) => judgeToken(answer, fatal),
    attemptMs: FIRST_TOKEN_MS,
  };
}

/** An answer of JSON with `version`: only the engine's own form of answer is one. */
export function versionProbe(
  question: Pick<Probe, "rung" | "attemptMs"> & { path: string },
): Probe {
  const { path, ...rest } = question;
  return { ...rest, request: { method: "GET", path, read: "whole" }, judge: judgeVersion };
}

const versionSchema = z.object({ version: z.string() });

function judgeVersion(answer: ProbeAnswer): ProbeVerdict {
  const found = answer.status === 200 ? readJson(answer.text, versionSchema) : undefined;
  return found === undefined
    ? notYet(answer)
    : { kind: "ok", facts: { engineVersion: found.version } };
}

export interface ListedQuestion<Entry extends { readonly id: string }> {
  readonly model: string;
  /** The engine, as its project writes it. */
  readonly title: string;
  readonly entry: z.ZodType<Entry>;
  /** Tokens, where the engine tells the true context in the entry. */
  readonly contextOf?: (found: Entry) => number | undefined;
  /** The command for when the model is not in the list. */
  readonly next?: string;
}

/** The list of models has this one. */
export function listedProbe<Entry extends { readonly id: string }>({
  model,
  title,
  entry,
  contextOf,
  next,
}: ListedQuestion<Entry>): Probe {
  // Ollama's is null when it is empty.
  const schema = z.object({ data: z.array(entry).nullable() });
  return {
    rung: "listed",
    request: { method: "GET", path: "/v1/models", read: "whole" },
    attemptMs: QUICK_MS,
    judge: (answer) => {
      const list = answer.status === 200 ? readJson(answer.text, schema) : undefined;
      if (list === undefined) return notYet(answer);
      const models = list.data ?? [];
      const found = models.find(({ id }) => id === model);
      if (found === undefined) {
        const names = models.map(({ id }) => id).join(", ") || "none";
        return {
          kind: "fatal",
          why: `${title} serves ${names} and not ${model}`,
          ...(next === undefined ? {} : { next }),
        };
      }
      const context = contextOf?.(found);
      return context === undefined
        ? { kind: "ok" }
        : { kind: "ok", facts: { contextLength: context } };
    },
  };
}

const tokenSchema = z.object({ choices: z.array(z.looseObject({})).min(1) });
const doneSchema = z.object({ done: z.literal(true) });

/**
 * Whether a stream holds a token: an event with a choice. What the choice holds is not looked at: the one token may be none
 * that is text (an empty delta with the role, `reasoning_content`, a call). Events without one come before it and after it
 * (usage, Azure's filters), and a stream that begins well can hold an error all the same.
 */
export function judgeToken(answer: ProbeAnswer, fatal: FatalWords): ProbeVerdict {
  const done = events(answer.text).some((event) => tokenSchema.safeParse(event).success);
  const { firstEventMs } = answer;
  const facts = firstEventMs === undefined ? {} : { firstTokenMs: Math.round(firstEventMs) };
  return judgeContent(answer, fatal, { done, what: "a stream of tokens", facts });
}

/** Whether Ollama's own API did what was asked for. */
export function judgeDone(answer: ProbeAnswer, fatal: FatalWords): ProbeVerdict {
  const done = records(answer.text).some((record) => doneSchema.safeParse(record).success);
  return judgeContent(answer, fatal, { done, what: "the word that it is done" });
}

interface Content {
  readonly done: boolean;
  /** What is missing where it is not done. */
  readonly what: string;
  readonly facts?: GateFacts;
}

function judgeContent(
  answer: ProbeAnswer,
  fatal: FatalWords,
  { done, what, facts = {} }: Content,
): ProbeVerdict {
  const { status, text } = answer;
  if (status !== 200 || errorOf(text) !== undefined) return judgeError(answer, fatal);
  if (done) return { kind: "ok", facts };
  return { kind: "wait", why: `HTTP 200 without ${what}: ${errorText(text, 200)}` };
}

/** Characters in which an engine's words for what went wrong are looked for. */
const MOST_WORDS = 1000;

/** What an error means for whoever waits: by the engine's own words. */
export function judgeError(answer: ProbeAnswer, fatal: FatalWords): ProbeVerdict {
  const words = errorText(answer.text, MOST_WORDS);
  const known = fatal.find(([pattern]) => pattern.test(words));
  if (known === undefined) return notYet(answer);
  const [, next] = known;
  return { kind: "fatal", why: words, ...(next === undefined ? {} : { next }) };
}

/** Another server has the port, or the key file was changed, when the key is wrong: no waiting helps. Anything else may pass. */
export function notYet(answer: ProbeAnswer): ProbeVerdict {
  const why = `HTTP ${answer.status}: ${errorText(answer.text, 200)}`;
  return answer.status === 401
    ? { kind: "fatal", why, next: "stack restart" }
    : { kind: "wait", why };
}
