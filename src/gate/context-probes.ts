import { ANSWER_MS, hasText } from "./chat-answer.ts";
import { type ChatOutcome, chatOutcome, waitOrStop } from "./chat-outcome.ts";
import { flagFact, numberFact, windowTold } from "./facts.ts";
import type { Found, GateFacts, LateProbe, Probe, ProbeAnswer, ProbeVerdict } from "./probe.ts";

/** Words of the two prompts by which a server's way of counting is learned. */
const SHORT_WORDS = 8;
const LONG_WORDS = 136;
/** Tokens by which two counts may differ and still be the same prompt. */
const TOLERANCE = 8;
/** Tokens that are left free when the window is filled: one for the answer, and the tolerance. */
const RESERVE = TOLERANCE + 1;
/** Attempts at a window that refuses a prompt of its own size: the named size, then halves. */
const FILL_ATTEMPTS = 5;
/** Share of what is left of the time that the proof may take, as estimated. */
const SHARE = 0.5;
/** Share of it after which an attempt is given up: the wait as a whole must not end in the middle of one. */
const PATIENCE = 0.9;
/** Evaluating a long prompt takes more per token than a short one: attention grows with it (seen: 1.8 for 4096 tokens, llama-server on two cores). */
const SLOWDOWN = 2;
/** A refusal needs the prompt to be counted and no more: a server that says nothing for so long is reading it. */
const REFUSAL_MS = 20_000;
/** In less than that no answer is to be expected. */
const LEAST_MS = 1000;
/** Words of a prompt that is still sent: 4 bytes each, gateways and servers take 3 MB. */
const MOST_WORDS = 750_000;

export interface ContextQuestion {
  readonly model: string;
  /** Tokens that one conversation is believed to hold, where no probe says otherwise (`contextLength`). */
  readonly window: number;
}

/**
 * Proves the window with canary prompts: two short ones teach how the server counts words and how fast it reads; then one
 * fills the window, and one goes past it. Facts: `contextProved` (tokens), `contextProof` (`full`, `partial`, `cut`,
 * `uncounted`, `too slow`, or `failed` with its words in `contextFailed`), `promptTokensPerSecond`, `truncates`, `overflow`
 * (and `overflowFailed` where that was no refusal). Nothing here is fatal but a key that is refused: what was found is told.
 */
export function contextProbes(question: ContextQuestion): readonly (Probe | LateProbe)[] {
  const { model } = question;
  return [
    { ...canary(model, "amber", SHORT_WORDS), judge: learnShort },
    ({ facts }) =>
      "contextProof" in facts
        ? undefined
        : { ...canary(model, "birch", LONG_WORDS), judge: learnLong(facts) },
    ...Array.from(
      { length: FILL_ATTEMPTS },
      (_, attempt): LateProbe =>
        (found) =>
          fillProbe(question, found, attempt),
    ),
    (found) => overflowProbe(question, found),
  ];
}

type Canary = Omit<Probe, "judge">;

/** Its first word is unlike any other prompt's, so that no server has it in a cache; the words between are one token each for nearly all. */
function canary(model: string, first: string, words: number, attemptMs = ANSWER_MS): Canary {
  const content = `${first} ${"one ".repeat(words)}end`;
  return {
    rung: "context",
    title: "measuring how fast it reads",
    request: {
      method: "POST",
      path: "/v1/chat/completions",
      body: { model, stream: false, max_tokens: 1, messages: [{ role: "user", content }] },
      read: "whole",
    },
    attemptMs,
  };
}

function learnShort(answer: ProbeAnswer): ProbeVerdict {
  const outcome = chatOutcome(answer);
  if (outcome.kind !== "answered") return unproved(outcome, "a short prompt");
  if (outcome.tokens === undefined) return UNCOUNTED;
  return { kind: "ok", facts: { canaryShort: outcome.tokens, canaryShortMs: answer.ms ?? 0 } };
}

function learnLong(facts: GateFacts): Probe["judge"] {
  const short = numberFact(facts, "canaryShort");
  return (answer) => {
    const outcome = chatOutcome(answer);
    if (outcome.kind !== "answered") return unproved(outcome, "a short prompt");
    const { tokens } = outcome;
    if (tokens === undefined || short === undefined || tokens <= short) return UNCOUNTED;
    const slope = (tokens - short) / (LONG_WORDS - SHORT_WORDS);
    // The first words differ by a token or two, which would grow to dozens over a whole window (seen: 29 of 2048).
    const perWord = Math.abs(slope - Math.round(slope)) < 0.05 ? Math.round(slope) : slope;
    const ms = (answer.ms ?? 0) - (numberFact(facts, "canaryShortMs") ?? 0);
    // Below that it is noise: such a server is fast enough for any window.
    const speed = ms > 20 ? { promptTokensPerSecond: round((tokens - short) / (ms / 1000)) } : {};
    const overhead = short - perWord * SHORT_WORDS;
    return { kind: "ok", facts: { canaryPerWord: perWord, canaryOverhead: overhead, ...speed } };
  };
}

const UNCOUNTED: ProbeVerdict = { kind: "ok", facts: { contextProof: "uncounted" } };

type Unanswered = Exclude<ChatOutcome, { readonly kind: "answered" }>;

/** Nothing more is asked of a server that fails: it proves nothing, and more may break it. */
function unproved(outcome: Unanswered, prompt: string): ProbeVerdict {
  return (
    waitOrStop(outcome) ?? {
      kind: "ok",
      facts: { contextProof: "failed", contextFailed: `${prompt} failed: ${outcome.why}` },
    }
  );
}

/** The window as it is believed now: refused prompts have made it smaller. */
function believed({ window }: ContextQuestion, facts: GateFacts): number {
  return numberFact(facts, "contextLimit") ?? numberFact(facts, "contextLength") ?? window;
}

function fillProbe(
  question: ContextQuestion,
  { facts, remainingMs }: Found,
  attempt: number,
): Probe | undefined {
  const perWord = numberFact(facts, "canaryPerWord");
  const overhead = numberFact(facts, "canaryOverhead");
  if (perWord === undefined || overhead === undefined || "contextProof" in facts) return undefined;
  const window = believed(question, facts);
  const speed = numberFact(facts, "promptTokensPerSecond");
  const affordable = ((speed ?? Infinity) * remainingMs * SHARE) / 1000 / SLOWDOWN;
  const full = affordable >= window;
  const wanted = full ? window - RESERVE : Math.min(affordable, window - RESERVE);
  const words = Math.floor((wanted - overhead) / perWord);
  const fits = words >= SHORT_WORDS && words <= MOST_WORDS;
  if (!fits) return undefined;
  const expected = Math.round(overhead + perWord * words);
  return {
    ...canary(question.model, `cedar${attempt}`, words, atMost(remainingMs)),
    title: `reading ${expected} tokens`,
    expectedMs: speed === undefined ? undefined : (expected / speed) * 1000 * SLOWDOWN,
    judge: (answer) => judgeFill(answer, { window, expected, full }),
    timedOut: { kind: "ok", facts: { contextProof: "too slow" } },
  };
}

function judgeFill(
  answer: ProbeAnswer,
  sent: { readonly window: number; readonly expected: number; readonly full: boolean },
): ProbeVerdict {
  const outcome = chatOutcome(answer);
  if (outcome.kind === "refused") {
    const { window: named, why } = outcome;
    const said = named !== undefined && named < sent.window ? named : undefined;
    const contextLimit = said ?? Math.floor(sent.window / 2);
    return {
      kind: "ok",
      facts: { contextLimit, contextGuessed: said === undefined, contextRefused: why },
    };
  }
  if (outcome.kind !== "answered") return unproved(outcome, `a prompt of ${sent.expected} tokens`);
  const { tokens } = outcome;
  if (tokens === undefined) return UNCOUNTED;
  if (sent.expected - tokens > tolerance(sent.expected)) {
    return { kind: "ok", facts: { contextProved: tokens, contextProof: "cut", truncates: true } };
  }
  const contextProof = sent.full ? "full" : "partial";
  const fillSaid = hasText(answer.text);
  return { kind: "ok", facts: { contextProved: tokens, contextProof, fillSaid } };
}

function overflowProbe(
  question: ContextQuestion,
  { facts, remainingMs }: Found,
): Probe | undefined {
  const perWord = numberFact(facts, "canaryPerWord");
  const overhead = numberFact(facts, "canaryOverhead");
  if (perWord === undefined || overhead === undefined) return undefined;
  // A prompt that was given up may still be read, and keeps the others waiting.
  const occupied = facts["contextProof"] === "too slow";
  if ("truncates" in facts || facts["contextProof"] === "failed" || occupied) return undefined;
  const patienceMs = Math.min(REFUSAL_MS, atMost(remainingMs));
  if (patienceMs < LEAST_MS) return undefined;
  const window = believed(question, facts);
  // Past the window by more than what may be a difference in counting.
  const past = window + TOLERANCE + 2 * tolerance(window);
  const words = Math.ceil((past - overhead) / perWord);
  if (words > MOST_WORDS) return undefined;
  const expected = Math.round(overhead + perWord * words);
  // Only a window that the engine itself has named is known to be passed.
  const told = windowTold(facts);
  const waited = `within ${round(patienceMs / 1000)} s`;
  return {
    ...canary(question.model, "dogwood", words, patienceMs),
    title: "trying a longer prompt",
    judge: (answer) => {
      // The one token of some models is none that is text, of a prompt that fits as well.
      const silent = told && flagFact(facts, "fillSaid") === true && !hasText(answer.text);
      return judgeOverflow(answer, expected, silent);
    },
    timedOut: {
      kind: "ok",
      facts:
        told && patienceMs === REFUSAL_MS
          ? { truncates: true, overflow: `not refused ${waited}` }
          : { overflow: `no answer ${waited}` },
    },
  };
}

/** `silent`: an answer without text where there was some as long as the prompt fitted. */
function judgeOverflow(answer: ProbeAnswer, expected: number, silent: boolean): ProbeVerdict {
  const outcome = chatOutcome(answer);
  if (outcome.kind === "refused") {
    return { kind: "ok", facts: { truncates: false, overflow: outcome.why } };
  }
  if (outcome.kind !== "answered") {
    const facts = { overflow: outcome.why, overflowFailed: true };
    return waitOrStop(outcome) ?? { kind: "ok", facts };
  }
  const { tokens } = outcome;
  // As LM Studio does with a GGUF (lmstudio-bug-tracker #2339): it counts them all, and neither reads nor refuses them.
  if (silent) {
    return { kind: "ok", facts: { truncates: true, overflow: "it was answered with nothing" } };
  }
  if (tokens === undefined) return { kind: "ok" };
  const cut = expected - tokens > tolerance(expected);
  if (!cut) return { kind: "ok", facts: { overflow: hasText(answer.text) ? HELD : UNSEEN } };
  const overflow = `${tokens} of ${expected} tokens were read`;
  return { kind: "ok", facts: { truncates: true, overflow } };
}

const HELD = "it holds more than that";
const UNSEEN = "it was answered without text, which shows nothing";

function atMost(remainingMs: number): number {
  return Math.ceil(remainingMs * PATIENCE);
}

function tolerance(tokens: number): number {
  return Math.max(TOLERANCE - 1, Math.ceil(tokens * 0.001));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
