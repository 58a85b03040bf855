import * as z from "zod";
import type { CallFormat } from "./call-format.ts";
import { jsonScanner } from "./json-end.ts";

export type CallDelta =
  | { readonly kind: "call-start"; readonly name: string }
  | { readonly kind: "call-arguments"; readonly text: string };

/** Reads one call after its trigger, as the text arrives. */
export interface CallReader {
  push(text: string, out: CallDelta[]): void;
  /** Text after the call, once it is complete. */
  readonly rest: string | undefined;
  /** Ends the reading: a call in other spelling is still understood; what is none comes back as text. */
  end(out: CallDelta[]): string;
}

type Stage = "head" | "arguments" | "close" | "loose" | "done";

const looseCall = z.object({
  name: z.string().min(1),
  arguments: z.unknown().optional(),
  parameters: z.unknown().optional(),
});

/** `isTool` says whether a name is one of the request's tools: others are not calls. */
export function callReader(format: CallFormat, isTool: (name: string) => boolean): CallReader {
  const open = format.open.trimStart();
  const close = format.close.trim();
  const scanner = jsonScanner();
  let stage: Stage = "head";
  let text = "";
  let rest: string | undefined;

  const readHead = (out: CallDelta[]): boolean => {
    const seen = text.trimStart();
    if (!seen.startsWith(open)) {
      if (!open.startsWith(seen)) stage = "loose";
      return stage === "loose";
    }
    const at = seen.indexOf(format.middle, open.length);
    if (at === -1) return false;
    const name = seen.slice(open.length, at);
    if (!isTool(name)) {
      stage = "loose";
      return true;
    }
    out.push({ kind: "call-start", name });
    text = seen.slice(at + format.middle.length);
    stage = "arguments";
    return true;
  };
  const readArguments = (out: CallDelta[]): boolean => {
    const end = scanner.push(text);
    const piece = end === undefined ? text : text.slice(0, end);
    if (piece !== "") out.push({ kind: "call-arguments", text: piece });
    text = text.slice(piece.length);
    if (end === undefined) return false;
    stage = "close";
    return true;
  };
  const readClose = (): boolean => {
    const seen = text.trimStart();
    if (seen.startsWith(close)) {
      rest = seen.slice(close.length);
      stage = "done";
    }
    return false;
  };
  const readLoose = (out: CallDelta[]): boolean => {
    const marker = close.replace(/^[}\s]+/, "");
    const at = marker === "" ? -1 : text.indexOf(marker);
    if (at === -1) return false;
    const call = parseLoose(text.slice(0, at));
    if (call === undefined || !isTool(call.name)) return false;
    out.push({ kind: "call-start", name: call.name });
    out.push({ kind: "call-arguments", text: call.arguments });
    rest = text.slice(at + marker.length);
    stage = "done";
    return false;
  };
  const step = (out: CallDelta[]): boolean => {
    if (stage === "head") return readHead(out);
    if (stage === "arguments") return readArguments(out);
    if (stage === "close") return readClose();
    return stage === "loose" && readLoose(out);
  };

  return {
    get rest() {
      return rest;
    },
    push(piece, out) {
      text += piece;
      while (step(out)) {
        // Each step may complete the next one with what is already here.
      }
    },
    end(out) {
      if (stage !== "head" && stage !== "loose") return "";
      const call = parseLoose(text);
      if (call === undefined || !isTool(call.name)) return `${format.trigger}${text}`;
      out.push({ kind: "call-start", name: call.name });
      out.push({ kind: "call-arguments", text: call.arguments });
      return "";
    },
  };
}

/** A call as a JSON object in whatever order and spacing. */
function parseLoose(
  text: string,
): { readonly name: string; readonly arguments: string } | undefined {
  try {
    const call = looseCall.parse(JSON.parse(text));
    const args = call.arguments ?? call.parameters ?? {};
    return {
      name: call.name,
      arguments: typeof args === "string" ? args : JSON.stringify(args),
    };
  } catch {
    return undefined;
  }
}
