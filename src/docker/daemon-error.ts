import { StackError } from "../errors.ts";
import type { Answer } from "./ask.ts";

/** The daemon said no: its words, under the code that the case deserves. */
export function daemonRefusal(what: string, answer: Answer): StackError {
  const words = daemonWords(answer.text);
  if (isPortBusy(words)) {
    return new StackError("PORT_BUSY", {
      what: `${what} failed: the port is taken.`,
      why: words,
      next: "Choose another with `--port`, or leave it out to take a free one.",
    });
  }
  return new StackError("DOCKER_FAILED", {
    what: `${what} failed (HTTP ${answer.status}).`,
    why: words,
    next: "Run `stack doctor` to check the daemon.",
  });
}

/** The connection broke while an answer was awaited. */
export function lostConnection(what: string, cause: unknown): StackError {
  const timedOut = cause instanceof DOMException && cause.name === "TimeoutError";
  return new StackError("DOCKER_UNREACHABLE", {
    what: `${what} failed: ${timedOut ? "the daemon did not answer in time" : "the connection to the daemon broke"}.`,
    why: cause instanceof Error ? cause.message : undefined,
    next: "Check that the daemon runs (`stack doctor`), then run the command again.",
    cause,
  });
}

/** The `message` of an error body, or the body itself when it is something else. */
export function daemonWords(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) {
      if ("message" in parsed && typeof parsed.message === "string") return parsed.message;
      if ("cause" in parsed && typeof parsed.cause === "string") return parsed.cause;
    }
  } catch {
    // Not JSON: a proxy or a very old daemon. Its text is all there is.
  }
  return body.trim();
}

/** Words of Engine 20.10 ("port is already allocated"), 28 ("failed to bind host port … address already in use") and rootless Podman. */
function isPortBusy(words: string): boolean {
  return /port is already allocated|bind.*address already in use|ports are not available/is.test(
    words,
  );
}
