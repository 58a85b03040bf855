/** An error as OpenAI's API words it: its clients show `message` and branch on `type` and `code`. */
export function openAiError(message: string, type: string, code: string): string {
  return JSON.stringify({ error: { message, type, param: null, code } });
}

/** What HAProxy itself answers when the engine is away or a request is broken, by status. */
export const GATEWAY_ERRORS: Readonly<Record<number, string>> = {
  400: openAiError("The request is not valid HTTP.", "invalid_request_error", "bad_request"),
  408: openAiError("The request took too long to arrive.", "invalid_request_error", "timeout"),
  500: openAiError("The gateway failed.", "api_error", "gateway_error"),
  502: openAiError("The engine broke off its answer.", "api_error", "engine_error"),
  503: openAiError("The engine is not running, or is still starting.", "api_error", "engine_down"),
  504: openAiError("The engine did not answer in time.", "api_error", "engine_timeout"),
};
