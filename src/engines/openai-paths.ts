/** Paths of the gateway that take one method. */
export function post(exact: string): {
  readonly exact: string;
  readonly methods: readonly string[];
} {
  return { exact, methods: ["POST"] };
}

export function get(exact: string): {
  readonly exact: string;
  readonly methods: readonly string[];
} {
  return { exact, methods: ["GET"] };
}

/** What OpenAI's clients ask of every server. */
export const OPENAI_PATHS = [
  post("/v1/chat/completions"),
  post("/v1/completions"),
  post("/v1/embeddings"),
  get("/v1/models"),
] as const;

/** What newer agents speak: OpenAI's Responses and Anthropic's Messages. */
export const AGENT_PATHS = [post("/v1/responses"), post("/v1/messages")] as const;

/** Counting before asking, where a server lets clients do it. */
export const COUNTING_PATHS = [
  post("/v1/messages/count_tokens"),
  post("/tokenize"),
  post("/detokenize"),
] as const;
