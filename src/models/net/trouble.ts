import { StackError } from "../../errors.ts";
import type { ResponseHead } from "./http.ts";

/** What went wrong with one request, and whether trying again can help. */
export interface Trouble {
  readonly why: string;
  readonly next?: string;
  readonly retry: "soon" | "briefly" | "never";
  /** TLS was spoken to a peer that does not speak it. */
  readonly notTls?: boolean;
  /** Its certificate does not hold here. */
  readonly untrusted?: boolean;
  /** Milliseconds that the server asked for. */
  readonly retryAfterMs?: number;
}

/** A status that is no success, as an error that carries its verdict. */
export class HttpStatusError extends Error {
  override readonly name = "HttpStatusError";
  readonly head: ResponseHead;
  /** The server's own words, shortened; empty when it said none that a person can read. */
  readonly words: string;
  constructor(head: ResponseHead, body?: Buffer) {
    super(`${new URL(head.url).host} answers ${head.status}`);
    this.head = head;
    this.words = body === undefined ? "" : readableWords(body.toString("utf8"));
  }
}

/** The peer broke the protocol in a way that a new attempt may mend. The message is a sentence for people. */
export class TransientError extends Error {
  override readonly name = "TransientError";
}

const CERTIFICATE_CODES = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Error → verdict. `now` is for a `Retry-After` that is a date. */
export function diagnose(error: unknown, url: string, now: number): Trouble {
  const host = new URL(url).host;
  if (error instanceof HttpStatusError) return diagnoseStatus(error, now);
  if (error instanceof TransientError) return { why: error.message, retry: "soon" };
  const code = errorCode(error);
  if (code !== undefined && CERTIFICATE_CODES.has(code)) {
    return {
      why: `The certificate of ${host} is signed by an authority that is not trusted here (${code}).`,
      next: "name your company's authority with --ca FILE, or set SSL_CERT_FILE",
      retry: "never",
      untrusted: true,
    };
  }
  switch (code) {
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return {
        why: `The certificate of ${host} is out of date (${code}).`,
        retry: "never",
        untrusted: true,
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return {
        why: `The certificate of ${host} is for another host.`,
        retry: "never",
        untrusted: true,
      };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return {
        why: `The name ${new URL(url).hostname} cannot be resolved.`,
        next: "check the network, or set HTTPS_PROXY",
        retry: "briefly",
      };
    case "ECONNREFUSED":
      return { why: `Nothing listens at ${host}.`, retry: "briefly" };
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return { why: `There is no route to ${host}.`, retry: "briefly" };
    case "UND_ERR_BODY_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
      return { why: `${host} stopped sending.`, retry: "soon" };
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { why: `${host} does not answer.`, retry: "briefly" };
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return { why: `The connection to ${host} was cut.`, retry: "soon" };
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return { why: `${host} does not speak TLS.`, retry: "never", notTls: true };
    default:
      return code === undefined || !/^(UND_ERR_|HPE_|ERR_SSL)/.test(code)
        ? { why: errorMessage(error), retry: "never" }
        : { why: `${errorMessage(error)} (${host}).`, retry: "briefly" };
  }
}

function diagnoseStatus({ head, words }: HttpStatusError, now: number): Trouble {
  const { status, headers, url } = head;
  const host = new URL(url).host;
  const why = `${host} answers ${status}${words === "" ? "" : `: ${words}`}.`;
  if (status === 401 || status === 403) {
    return { why: `${host} refuses access (${status}).`, retry: "never" };
  }
  if (status === 404 || status === 410) {
    return { why: `${host} does not have it (${status}).`, retry: "never" };
  }
  if (status === 407) return { why: `The proxy wants a password (407).`, retry: "never" };
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfterMs = parseRetryAfter(headers["retry-after"], now);
    return { why, retry: "soon", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  return { why, retry: "never" };
}

/** The message of an OCI or Hub error, or a short plain text; HTML pages say nothing to a terminal. */
function readableWords(body: string): string {
  const message = /"(?:message|error)"\s*:\s*"((?:[^"\\]|\\.)+)"/.exec(body)?.[1];
  const text = message ?? (/[<{]/.test(body) ? "" : body);
  return text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .replace(/\.$/, "")
    .slice(0, 200);
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Keeps a `StackError` as it is; anything else becomes `MODEL_UNAVAILABLE` with its diagnosis. */
export function unavailable(what: string, trouble: Trouble, cause: unknown): StackError {
  if (cause instanceof StackError) return cause;
  const next =
    trouble.next ??
    (trouble.retry === "never"
      ? "check the name; stack doctor checks the way to each source"
      : "run the same command again, it goes on where it stopped; stack doctor checks the way");
  return new StackError("MODEL_UNAVAILABLE", { what, why: trouble.why, next, cause });
}

/** The deepest code of an error and its causes: undici wraps those of the socket. */
function errorCode(error: unknown): string | undefined {
  let code: string | undefined;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") code = at.code;
    if (at instanceof AggregateError && at.errors.length > 0) {
      return errorCode(at.errors[0]) ?? code;
    }
  }
  return code;
}

function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
