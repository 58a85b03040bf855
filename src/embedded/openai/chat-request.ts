import * as z from "zod";
import { badRequest } from "./api-error.ts";
import { parseBody } from "./parse-body.ts";
import { type Sampling, samplingFields, samplingOf } from "./sampling.ts";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const content = z.union([z.string(), z.array(textPart)]).nullish();
const toolCall = z.object({
  id: z.string(),
  type: z.literal("function").default("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
const message = z.object({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content,
  name: z.string().nullish(),
  tool_calls: z.array(toolCall).nullish(),
  tool_call_id: z.string().nullish(),
});
const jsonSchema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);
const tool = z.object({
  type: z.literal("function"),
  function: z.object({
    name: z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/, "use letters, digits, dash and underscore"),
    description: z.string().nullish(),
    parameters: jsonSchema.nullish(),
    strict: z.boolean().nullish(),
  }),
});
const toolChoice = z.union([
  z.enum(["auto", "none", "required"]),
  z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
]);
const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({ name: z.string().nullish(), schema: jsonSchema.nullish() }),
  }),
]);

const chatSchema = z.object({
  ...samplingFields,
  messages: z.array(message).min(1, "it must hold at least one message"),
  max_completion_tokens: z.int().min(1).nullish(),
  tools: z.array(tool).max(512).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
});

/** One message as chat templates read it: plain text, tool calls with their arguments as JSON text. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}
interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}
export type JsonSchema = boolean | { readonly [key: string]: unknown };
export interface Tool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string;
    readonly parameters: JsonSchema;
  };
}
type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

export interface ChatRequest {
  readonly model: string | undefined;
  readonly messages: readonly ChatMessage[];
  /** Empty when `tool_choice` is `none`: the model is then not told of them. */
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  /** Schema that the answer's text must satisfy. */
  readonly answerSchema: JsonSchema | undefined;
  readonly maxTokens: number | undefined;
  readonly sampling: Sampling;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** The body of `POST /v1/chat/completions`, checked and put into one form. Unknown parameters are ignored. */
export function parseChatRequest(body: unknown): ChatRequest {
  const input = parseBody(chatSchema, body);
  const tools = (input.tools ?? []).map(toTool);
  const choice = input.tool_choice ?? (tools.length > 0 ? "auto" : "none");
  const toolChoice = typeof choice === "string" ? choice : { name: choice.function.name };
  checkToolChoice(tools, toolChoice);
  return {
    model: input.model ?? undefined,
    messages: input.messages.map(toMessage),
    tools: toolChoice === "none" ? [] : tools,
    toolChoice,
    parallelToolCalls: input.parallel_tool_calls ?? true,
    answerSchema: answerSchemaOf(input.response_format),
    maxTokens: input.max_completion_tokens ?? input.max_tokens ?? undefined,
    sampling: samplingOf(input),
    stream: input.stream ?? false,
    includeUsage: input.stream_options?.include_usage ?? false,
  };
}

function checkToolChoice(tools: readonly Tool[], choice: ToolChoice): void {
  if (choice === "none" || choice === "auto") return;
  if (tools.length === 0) {
    throw badRequest("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice");
  }
  if (choice !== "required" && !tools.some((tool) => tool.function.name === choice.name)) {
    throw badRequest(
      `'tool_choice' names '${choice.name}', which is not in 'tools'.`,
      "tool_choice",
    );
  }
}

function toTool({ function: fn }: z.infer<typeof tool>): Tool {
  return {
    type: "function",
    function: {
      name: fn.name,
      ...(fn.description === null || fn.description === undefined
        ? {}
        : { description: fn.description }),
      parameters: fn.parameters ?? { type: "object", properties: {} },
    },
  };
}

function toMessage(input: z.infer<typeof message>): ChatMessage {
  const calls = input.tool_calls ?? [];
  return {
    // `developer` is the newer name of `system`; templates know only the older one.
    role: input.role === "developer" ? "system" : input.role,
    content: textOf(input.content),
    ...(input.name === null || input.name === undefined ? {} : { name: input.name }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(input.tool_call_id === null || input.tool_call_id === undefined
      ? {}
      : { tool_call_id: input.tool_call_id }),
  };
}

function textOf(value: z.infer<typeof content>): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : value.map((part) => part.text).join("\n");
}

function answerSchemaOf(
  format: z.infer<typeof responseFormat> | null | undefined,
): JsonSchema | undefined {
  if (format === null || format === undefined || format.type === "text") return undefined;
  if (format.type === "json_object") return { type: "object" };
  return format.json_schema.schema ?? { type: "object" };
}
