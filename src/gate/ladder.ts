import type { Ready } from "../endpoint.ts";
import { ANSWER_MS, streamedTokens } from "./chat-answer.ts";
import { type ContextQuestion, contextProbes } from "./context-probes.ts";
import type { LateProbe, Probe } from "./probe.ts";
import { toolCallProbe, toolsProbe } from "./tool-probes.ts";

/** Tokens of the answer by which the speed is measured. */
const SPEED_TOKENS = 32;

/**
 * The ladder for how far `up` is to climb: the engine's own probes, and for `agent` what every OpenAI-compatible server
 * can be asked: tools, speed, window. Most of a minute on a CPU, for a prompt as long as the window has to be read.
 */
export function ladder(
  own: readonly (Probe | LateProbe)[],
  ready: Ready,
  question: ContextQuestion,
): readonly (Probe | LateProbe)[] {
  if (ready === "first-token") return own;
  const { model } = question;
  return [
    ...own,
    speedProbe(model),
    ({ facts }) => (facts["tools"] === true ? undefined : toolsProbe(model, { required: true })),
    toolCallProbe(model),
    ...contextProbes(question),
  ];
}

/** The fact `tokensPerSecond`, of a short conversation alone on the server. */
function speedProbe(model: string): Probe {
  return {
    rung: "first-token",
    title: "measuring how fast it writes",
    request: {
      method: "POST",
      path: "/v1/chat/completions",
      body: {
        model,
        stream: true,
        stream_options: { include_usage: true },
        max_tokens: SPEED_TOKENS,
        messages: [{ role: "user", content: "Count from one to fifty in words." }],
      },
      read: "whole",
    },
    attemptMs: ANSWER_MS,
    judge: ({ text, ms, firstEventMs }) => {
      const tokens = streamedTokens(text);
      const took = (ms ?? 0) - (firstEventMs ?? 0);
      if (tokens < 2 || took <= 0) return { kind: "ok" };
      const speed = Math.round(((tokens - 1) / (took / 1000)) * 10) / 10;
      return speed > 0 ? { kind: "ok", facts: { tokensPerSecond: speed } } : { kind: "ok" };
    },
    timedOut: { kind: "ok" },
  };
}
