import * as z from "zod";
import { errorOf, errorText, isBusy, namedWindow, usedTokens } from "./chat-answer.ts";
import type { ProbeAnswer, ProbeVerdict } from "./probe.ts";
import { readJson } from "./read-json.ts";

/** What became of a chat that was to be answered in one piece. `why` is in the server's words. */
export type ChatOutcome =
  /** `tokens`: of the prompt, by the server's own count; undefined when it does not tell. */
  | { readonly kind: "answered"; readonly tokens: number | undefined }
  /** Understood and not taken, whole as it is. `window`: tokens that its words name. */
  | { readonly kind: "refused"; readonly why: string; readonly window: number | undefined }
  /** May be answered later. */
  | { readonly kind: "busy"; readonly why: string }
  /** The key that was good for the rungs below is none now. */
  | { readonly kind: "forbidden"; readonly why: string }
  /** A crash, a page of a proxy, a path that is none: it proves nothing. */
  | { readonly kind: "failed"; readonly why: string };

const completionSchema = z.object({ choices: z.array(z.object({ message: z.object({}) })).min(1) });

/** Bad request, too large, unprocessable: what servers answer to a request that they have read and do not take. */
const REFUSALS: readonly number[] = [400, 413, 422];

/** Sorts an answer. Pure. Words that name a window are a refusal whatever the status: proxies change those of the server behind them. */
export function chatOutcome(answer: ProbeAnswer): ChatOutcome {
  const { status, text } = answer;
  const error = status === 200 ? errorOf(text) : undefined;
  if (status === 200 && error === undefined) {
    return readJson(text, completionSchema) === undefined
      ? { kind: "failed", why: `HTTP 200 without a chat completion: ${errorText(text)}` }
      : { kind: "answered", tokens: usedTokens(text) };
  }
  const why = `HTTP ${status}: ${error ?? errorText(text)}`;
  const window = namedWindow(text);
  if (status === 401 || status === 403) return { kind: "forbidden", why };
  if (isBusy(answer)) return { kind: "busy", why };
  if (REFUSALS.includes(status) || window !== undefined) return { kind: "refused", why, window };
  return { kind: "failed", why };
}

/** What two outcomes mean for every probe that asks a chat; undefined for the others. */
export function waitOrStop(outcome: ChatOutcome): ProbeVerdict | undefined {
  if (outcome.kind === "busy") return { kind: "wait", why: outcome.why };
  return outcome.kind === "forbidden" ? { kind: "fatal", why: outcome.why } : undefined;
}
