import type { ChatMessage, Tool } from "../openai/chat-request.ts";
import type { CallFormat } from "./call-format.ts";
import { endOfJson } from "./json-end.ts";
import type { ArgumentsAs, Render } from "./template.ts";

/** Names that no template contains; the id has the nine characters that Mistral's templates insist on. */
const NAME = "zq_probe_tool";
const KEY = "zq_probe_key";
const VALUE = "zqprobevalue";
const ID = "zq0probe1";
const TEXT = "zq probe text";

const tool: Tool = {
  type: "function",
  function: {
    name: NAME,
    description: "probe",
    parameters: { type: "object", properties: { [KEY]: { type: "string" } }, required: [KEY] },
  },
};
const user: ChatMessage = { role: "user", content: TEXT };
const call = {
  id: ID,
  type: "function",
  function: { name: NAME, arguments: JSON.stringify({ [KEY]: VALUE }) },
} as const;

export interface LearnedFormat {
  readonly format: CallFormat;
  readonly argumentsAs: ArgumentsAs;
}

/**
 * Finds out by rendering, rather than by reading the template or knowing the family, whether it shows tools to the
 * model and how it writes calls. Undefined: it drops tools, or writes calls in a form without a JSON object.
 * `endOfTurn` are the model's own end-of-generation texts, which are no part of a call.
 */
export function learnCallFormat(
  render: Render,
  endOfTurn: readonly string[],
): LearnedFormat | undefined {
  const attempt = (
    messages: readonly ChatMessage[],
    argumentsAs: ArgumentsAs,
    addGenerationPrompt = false,
  ): string | undefined => {
    try {
      return render({ messages, tools: [tool], argumentsAs, addGenerationPrompt });
    } catch {
      return undefined;
    }
  };
  const prompt = attempt([user], "object", true);
  if (prompt?.includes(NAME) !== true) return undefined;
  for (const argumentsAs of ["object", "text"] as const) {
    const one = attempt([user, answer([call])], argumentsAs);
    if (one === undefined) continue;
    const written = afterPrompt(prompt, one);
    const parts = split(written);
    if (parts === undefined) continue;
    const two = attempt([user, answer([call, { ...call, id: "zq0probe2" }])], argumentsAs);
    const format = assemble(parts, two === undefined ? "" : afterPrompt(prompt, two), endOfTurn);
    if (format !== undefined) return { format, argumentsAs };
  }
  return undefined;
}

function answer(calls: NonNullable<ChatMessage["tool_calls"]>): ChatMessage {
  return { role: "assistant", content: "", tool_calls: calls };
}

/** What the assistant's turn adds to the prompt. The generation prompt may hold more than the finished turn keeps, such as an opened `<think>`. */
function afterPrompt(prompt: string, whole: string): string {
  let same = 0;
  while (same < prompt.length && prompt[same] === whole[same]) same += 1;
  return whole.slice(same);
}

interface CallParts {
  readonly head: string;
  readonly middle: string;
  readonly tail: string;
}

function split(written: string): CallParts | undefined {
  const name = written.indexOf(NAME);
  if (name === -1) return undefined;
  const afterName = name + NAME.length;
  const key = written.indexOf(KEY, afterName);
  const start = written.lastIndexOf("{", key);
  if (key === -1 || start < afterName) return undefined;
  const end = endOfJson(written, start);
  if (end === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(written.slice(start, end));
    if (JSON.stringify(value) !== call.function.arguments) return undefined;
  } catch {
    return undefined;
  }
  const head = written.slice(0, name).replace(/^<think>\s*<\/think>/, "");
  return {
    head: head.trimStart(),
    middle: written.slice(afterName, start),
    tail: written.slice(end),
  };
}

function assemble(
  parts: CallParts,
  twoCalls: string,
  endOfTurn: readonly string[],
): CallFormat | undefined {
  const { head, middle, tail } = parts;
  // An id inside the call would have to be made up by the grammar; only formats without one are used.
  if (`${head}${middle}`.includes(ID)) return undefined;
  const close = withoutEnd(tail, endOfTurn);
  const brace = head.indexOf("{");
  // `[TOOL_CALLS] [{…}]`: the bracket belongs to the form, and models space it as they like.
  const marker = (brace === -1 ? head : head.slice(0, brace)).replace(/[\s[]+$/, "");
  const trigger = marker === "" ? head : marker;
  if (trigger === "") return undefined;
  return {
    trigger,
    open: head.slice(trigger.length),
    middle,
    close: close.replaceAll(ID, "call00001"),
    separator: close.includes(ID) ? undefined : separatorOf(parts, close, twoCalls),
    atStartOnly: marker === "",
  };
}

function withoutEnd(tail: string, endOfTurn: readonly string[]): string {
  const cuts = endOfTurn
    .filter((text) => text !== "")
    .map((text) => tail.indexOf(text))
    .filter((at) => at !== -1);
  return tail.slice(0, Math.min(tail.length, ...cuts)).trimEnd();
}

/** Two calls must read `call separator call`; a list such as `[{…}, {…}]` does not, and stays at one call. */
function separatorOf(parts: CallParts, close: string, twoCalls: string): string | undefined {
  const first = `${NAME}${parts.middle}`;
  const from = twoCalls.indexOf(first);
  const next = twoCalls.indexOf(first, from + 1);
  if (from === -1 || next === -1) return undefined;
  const argumentsEnd = endOfJson(twoCalls, from + first.length);
  if (argumentsEnd === undefined) return undefined;
  const between = twoCalls.slice(argumentsEnd, next);
  if (!between.startsWith(close) || !between.endsWith(parts.head)) return undefined;
  if (between.length < close.length + parts.head.length) return undefined;
  return between.slice(close.length, between.length - parts.head.length);
}
