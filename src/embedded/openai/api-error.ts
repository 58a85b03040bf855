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

/** OpenAI's wording, which agents search for to start compacting their history. */
export function contextLengthExceeded(limit: number, tokens: number, param: string): ApiError {
  return badRequest(
    `This model's maximum context length is ${limit} tokens. However, your messages resulted in ${tokens} tokens. Please reduce the length of the messages.`,
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
