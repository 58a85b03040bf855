import type { AnswerRequest } from "./answer.ts";
import { maskControlText } from "./chat/control-text.ts";
import {
  type CallGrammar,
  forcedCallGrammar,
  jsonAnswerGrammar,
  startedCallGrammar,
} from "./grammar/answer-grammar.ts";
import type { Engine } from "./llama/engine.ts";
import { badRequest, contextLengthExceeded } from "./openai/api-error.ts";
import type { ChatRequest } from "./openai/chat-request.ts";
import type { CompletionRequest } from "./openai/completion-request.ts";

/** From a chat request to tokens, limits and grammars. Throws an `ApiError` for what cannot be answered. */
export function prepareChat(
  engine: Engine,
  request: ChatRequest,
  maxOutputTokens: number,
): AnswerRequest {
  const { prompts, vocabulary, thinking } = engine;
  const calls = callGrammarOf(engine, request);
  const forced = request.toolChoice === "required" || typeof request.toolChoice === "object";
  const grammar = grammarOf(request, calls, forced);
  const messages = maskControlText(request.messages, vocabulary.controlTexts);
  let prompt = prompts.write(messages, request.tools);
  let startsThinking = thinking !== undefined && prompt.trimEnd().endsWith(thinking.open);
  if (startsThinking && grammar !== undefined) {
    // A grammar holds from the first token, so the thoughts that the prompt begins are ended at once.
    prompt = `${prompt.trimEnd()}\n${thinking?.close}\n\n`;
    startsThinking = false;
  }
  const tokens = vocabulary.prompt(prompt);
  if (tokens.length >= engine.context) {
    throw contextLengthExceeded(engine.context, tokens.length, "messages");
  }
  return {
    tokens,
    sampling: request.sampling,
    maxTokens: request.maxTokens ?? maxOutputTokens,
    parser: {
      stop: request.sampling.stop,
      calls:
        calls === undefined
          ? undefined
          : { format: calls.format, names: calls.tools.map((tool) => tool.function.name) },
      thinking,
      startsThinking,
    },
    grammar,
    callGrammar:
      calls === undefined ? undefined : (consumed) => startedCallGrammar(calls, consumed),
  };
}

function callGrammarOf(engine: Engine, request: ChatRequest): CallGrammar | undefined {
  if (request.tools.length === 0) return undefined;
  const { toolChoice: choice } = request;
  const tools =
    typeof choice === "object"
      ? request.tools.filter((tool) => tool.function.name === choice.name)
      : request.tools;
  return {
    format: engine.prompts.callFormat,
    tools,
    several: request.parallelToolCalls && typeof choice !== "object",
  };
}

function grammarOf(
  request: ChatRequest,
  calls: CallGrammar | undefined,
  forced: boolean,
): string | undefined {
  if (forced && calls !== undefined) return forcedCallGrammar(calls);
  if (request.answerSchema === undefined) return undefined;
  return jsonAnswerGrammar(request.answerSchema, calls);
}

/** A text completion: the prompt as it is, no template, no tools. */
export function prepareCompletion(
  engine: Engine,
  request: CompletionRequest,
  maxOutputTokens: number,
): AnswerRequest {
  const { prompt } = request;
  const tokens = typeof prompt === "string" ? engine.vocabulary.prompt(prompt) : [...prompt];
  if (tokens.length === 0) throw badRequest("'prompt' must not be empty.", "prompt");
  if (tokens.some((token) => token >= engine.vocabulary.size)) {
    throw badRequest("'prompt' holds a token that the model does not have.", "prompt");
  }
  if (tokens.length >= engine.context) {
    throw contextLengthExceeded(engine.context, tokens.length, "prompt");
  }
  return {
    tokens,
    sampling: request.sampling,
    maxTokens: request.maxTokens ?? maxOutputTokens,
    parser: {
      stop: request.sampling.stop,
      calls: undefined,
      thinking: undefined,
      startsThinking: false,
    },
    grammar: undefined,
    callGrammar: undefined,
  };
}
