import * as z from "zod";
import { ANSWER_MS, isBusy, refusal } from "./chat-answer.ts";
import { chatOutcome, waitOrStop } from "./chat-outcome.ts";
import type { Probe, ProbeAnswer, ProbeVerdict } from "./probe.ts";

const NAME = "record_word";
/** Long on purpose: a prompt with fewer tokens than these words has lost the tools on its way to the model. */
const WORDS = 120;
const TOOL = {
  type: "function",
  function: {
    name: NAME,
    description:
      `Records one word. ${"It is only a test of the wiring. ".repeat(WORDS / 8)}`.trim(),
    parameters: {
      type: "object",
      properties: { word: { type: "string", description: "The word to record." } },
      required: ["word"],
    },
  },
} as const;

/**
 * An agent's first request: tools and `tool_choice: "auto"`. A server that refuses it (vLLM without its flags, a model whose
 * template has no tools) is of no use to an agent: fatal where an agent is to work, else the fact `tools: false`.
 */
export function toolsProbe(model: string, options: { readonly required: boolean }): Probe {
  return {
    rung: "tools",
    title: "trying tools",
    request: chat(model, {
      tool_choice: "auto",
      max_tokens: 1,
      messages: [{ role: "user", content: "Hi" }],
    }),
    judge: (answer) => judgeTools(answer, options.required),
    attemptMs: ANSWER_MS,
  };
}

function judgeTools(answer: ProbeAnswer, required: boolean): ProbeVerdict {
  const outcome = chatOutcome(answer);
  if (outcome.kind === "answered") {
    const { tokens } = outcome;
    const rendered = tokens === undefined ? {} : { toolsRendered: tokens >= WORDS };
    return { kind: "ok", facts: { tools: true, ...rendered } };
  }
  const verdict = waitOrStop(outcome);
  if (verdict !== undefined) return verdict;
  const { why } = outcome;
  if (!required) return { kind: "ok", facts: { tools: false, toolsWhy: why } };
  return {
    kind: "fatal",
    why: `requests with tools are refused: ${why}`,
    next: "stack up --ready first-token",
  };
}

/** A call that the model must make: whether it comes back well-formed is a fact and never fatal, many servers ignore the choice. */
export function toolCallProbe(model: string): Probe {
  return {
    rung: "tools",
    title: "trying tools",
    request: chat(model, {
      tool_choice: { type: "function", function: { name: NAME } },
      max_tokens: 64,
      temperature: 0,
      messages: [{ role: "user", content: "Record the word hello." }],
    }),
    judge: (answer) =>
      isBusy(answer)
        ? { kind: "wait", why: refusal(answer) }
        : { kind: "ok", facts: { toolCall: judgeCall(answer) } },
    attemptMs: ANSWER_MS,
    timedOut: { kind: "ok", facts: { toolCall: "no answer in time" } },
  };
}

const callSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({
          tool_calls: z
            .array(
              z.object({
                id: z.string().min(1),
                function: z.object({ name: z.string(), arguments: z.string() }),
              }),
            )
            .nullish(),
        }),
      }),
    )
    .min(1),
});

/** `well-formed`, or what was wrong with it. */
function judgeCall(answer: ProbeAnswer): string {
  if (answer.status !== 200) return refusal(answer);
  try {
    const { choices } = callSchema.parse(JSON.parse(answer.text));
    const call = choices[0]?.message.tool_calls?.[0]?.function;
    if (call === undefined) return "the answer has no call";
    if (call.name !== NAME) return "another function is called";
    return isObject(JSON.parse(call.arguments)) ? "well-formed" : "its arguments are no object";
  } catch {
    return "the answer or its arguments are not the JSON they should be";
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function chat(model: string, more: object): Probe["request"] {
  return {
    method: "POST",
    path: "/v1/chat/completions",
    body: { model, stream: false, tools: [TOOL], ...more },
    read: "whole",
  };
}
