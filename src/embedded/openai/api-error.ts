export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "server_error"
  | "service_unavailable";

interface ApiErrorParts {
  readonly status: number;
  readonly type?: ApiErrorType;
  readonly message: string;
  readonly param?: string | undefined;
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal in the shape that OpenAI's clients parse: `{"error": {message, type, param, code}}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly type: ApiErrorType;
  readonly param: string | undefined;
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(parts: ApiErrorParts) {
    super(parts.message);
    this.status = parts.status;
    this.type = parts.type ?? "invalid_request_error";
    this.param = parts.param;
    this.code = parts.code;
    this.headers = parts.headers ?? {};
  }

  /** The body of the answer, or of an error event inside a stream. */
  toJSON(): { readonly error: Readonly<Record<string, string | null>> } {
    return {
      error: {
        message: this.message,
        type: this.type,
        param: this.param ?? null,
        code: this.code ?? null,
      },
    };
  }
}

export function badRequest(message: string, param?: string, code?: string): ApiError {
  return new ApiError({ status: 400, message, param, code });
}

/**
 * The wording of OpenAI's Responses API, by which agents know an overflow as well as by the code. Not that of its older
 * one ("maximum context length"): ml-intern 0.1.0 would send the same request again for ever (seen: 45 a second).
 * With separators, since it takes any "500" in an error for a server's failure.
 */
export function contextLengthExceeded(limit: number, tokens: number, param: string): ApiError {
  const [holds, has] = [limit, tokens].map((count) => count.toLocaleString("en-US"));
  return badRequest(
    `Your input exceeds the context window of this model: it has ${has} tokens, and the window holds ${holds}. Please reduce the length of the messages.`,
    param,
    "context_length_exceeded",
  );
}

export function unavailable(message: string, code: string, retryAfterSeconds: number): ApiError {
  return new ApiError({
    status: 503,
    type: "service_unavailable",
    message,
    code,
    headers: { "retry-after": String(retryAfterSeconds) },
  });
}
