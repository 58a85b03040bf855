/**
 * An error for the clients of both APIs: OpenAI's show `message` and branch on `type` and `code`; Anthropic's want `type: "error"`
 * around it and know no code.
 */
export function apiError(message: string, type: string, code: string): string {
  return JSON.stringify({ type: "error", error: { message, type, param: null, code } });
}

/** What HAProxy itself answers when the engine is away or a request is broken, by status. */
export const GATEWAY_ERRORS: Readonly<Record<number, string>> = {
  400: apiError("The request is not valid HTTP.", "invalid_request_error", "bad_request"),
  408: apiError("The request took too long to arrive.", "invalid_request_error", "timeout"),
  500: apiError("The gateway failed.", "api_error", "gateway_error"),
  502: apiError("The engine broke off its answer.", "api_error", "engine_error"),
  503: apiError("The engine is not running, or is still starting.", "api_error", "engine_down"),
  504: apiError("The engine did not answer in time.", "api_error", "engine_timeout"),
};
