import type { CallFormat } from "./call-format.ts";
import { type CallDelta, type CallReader, callReader } from "./call-reader.ts";
import { findMarker, heldBack, type MarkerHit } from "./marker-scan.ts";

/** What a client is sent of an answer, in order. */
export type AnswerDelta =
  | { readonly kind: "content"; readonly text: string }
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "call-start"; readonly index: number; readonly name: string }
  | { readonly kind: "call-arguments"; readonly index: number; readonly text: string };

export interface AnswerParserOptions {
  readonly stop: readonly string[];
  /** Undefined: the request has no tools. */
  readonly calls: { readonly format: CallFormat; readonly names: readonly string[] } | undefined;
  /** The model thinks aloud between these tags first. */
  readonly thinking: { readonly open: string; readonly close: string } | undefined;
  /** The prompt itself ends inside an opened thinking tag. */
  readonly startsThinking: boolean;
}

export interface AnswerParser {
  /** `control`: the text of a control token, which is shown to nobody unless it is part of a call's form. */
  push(text: string, control: boolean): readonly AnswerDelta[];
  /** `cut`: the answer ran out of tokens; a call that has no name yet is then dropped. */
  end(cut: boolean): readonly AnswerDelta[];
  /** A stop text was met; what follows is not wanted. */
  readonly stopped: boolean;
  /** Calls begun so far. */
  readonly calls: number;
  /** Set while a call has no name yet: what came after its trigger in the same piece. */
  readonly openCall: string | undefined;
}

/** Takes an answer apart into text, thoughts and tool calls while it arrives. */
export function answerParser(options: AnswerParserOptions): AnswerParser {
  const { calls: tools, thinking, stop } = options;
  const names = new Set(tools?.names);
  let mode: "content" | "thinking" | "call" = options.startsThinking ? "thinking" : "content";
  let held = "";
  let begun = false;
  let stopped = false;
  let calls = 0;
  let reader: CallReader | undefined;
  let openCall: string | undefined;
  let thought = options.startsThinking;

  const trigger = tools?.format.trigger;
  const atStart = [
    ...(tools?.format.atStartOnly === true ? [tools.format.trigger] : []),
    ...(thinking === undefined ? [] : [thinking.open]),
  ];
  const anywhere = [
    ...stop,
    ...(tools === undefined || tools.format.atStartOnly ? [] : [tools.format.trigger]),
  ];
  /** Undefined: no marker here; "unsure": what there is may be the beginning of one that counts only at the start. */
  const marker = (): MarkerHit | "unsure" | undefined => {
    if (begun) return findMarker(held, anywhere);
    const text = held.trimStart();
    const found = atStart.find((candidate) => text.startsWith(candidate));
    if (found === undefined) {
      if (atStart.some((candidate) => candidate.startsWith(text))) return "unsure";
      return findMarker(held, anywhere);
    }
    const start = held.length - text.length;
    return { marker: found, start, end: start + found.length };
  };
  const emitContent = (text: string, out: AnswerDelta[]): void => {
    // White space after thoughts and calls belongs to the form, not to the answer.
    const shown = !begun && (calls > 0 || thought) ? text.trimStart() : text;
    if (shown === "") return;
    begun ||= shown.trim() !== "";
    out.push({ kind: "content", text: shown });
  };

  const readContent = (out: AnswerDelta[]): boolean => {
    const hit = marker();
    if (hit === "unsure") return false;
    if (hit === undefined) {
      const keep = heldBack(held, anywhere);
      emitContent(held.slice(0, held.length - keep), out);
      held = held.slice(held.length - keep);
      return false;
    }
    emitContent(held.slice(0, hit.start), out);
    held = held.slice(hit.end);
    if (stop.includes(hit.marker)) {
      stopped = true;
      held = "";
      return false;
    }
    if (hit.marker === thinking?.open) {
      mode = "thinking";
      thought = true;
      return true;
    }
    if (tools === undefined || hit.marker !== trigger) return true;
    mode = "call";
    reader = callReader(tools.format, (name) => names.has(name));
    openCall = held;
    return true;
  };
  const readThinking = (out: AnswerDelta[]): boolean => {
    const close = thinking?.close ?? "";
    const at = held.indexOf(close);
    const end = at === -1 ? held.length - heldBack(held, [close]) : at;
    if (end > 0) out.push({ kind: "reasoning", text: held.slice(0, end) });
    held = held.slice(at === -1 ? end : at + close.length);
    if (at === -1) return false;
    mode = "content";
    return true;
  };
  const number = (delta: CallDelta): AnswerDelta => {
    if (delta.kind === "call-start") {
      calls += 1;
      openCall = undefined;
    }
    return { ...delta, index: calls - 1 };
  };
  const readCall = (out: AnswerDelta[]): boolean => {
    if (reader === undefined) return false;
    const deltas: CallDelta[] = [];
    reader.push(held, deltas);
    held = "";
    out.push(...deltas.map(number));
    if (reader.rest === undefined) return false;
    held = reader.rest;
    reader = undefined;
    mode = "content";
    begun = false;
    return held !== "";
  };
  const step = (out: AnswerDelta[]): boolean => {
    if (mode === "content") return readContent(out);
    return mode === "thinking" ? readThinking(out) : readCall(out);
  };

  return {
    get stopped() {
      return stopped;
    },
    get calls() {
      return calls;
    },
    get openCall() {
      return openCall;
    },
    push(text, control) {
      if (stopped) return [];
      if (control && !formTexts(options).some((form) => form.includes(text))) return [];
      const out: AnswerDelta[] = [];
      held += text;
      while (step(out)) {
        // A piece may hold the end of one part and the beginning of the next.
      }
      return out;
    },
    end(cut) {
      const out: AnswerDelta[] = [];
      if (mode === "call" && reader !== undefined) {
        const deltas: CallDelta[] = [];
        const text = reader.end(deltas);
        held = cut ? "" : text;
        out.push(...deltas.map(number));
        mode = "content";
      }
      if (held !== "" && !stopped) {
        if (mode === "thinking") out.push({ kind: "reasoning", text: held });
        else emitContent(held, out);
      }
      held = "";
      return out;
    },
  };
}

function formTexts({ calls, thinking }: AnswerParserOptions): readonly string[] {
  const format = calls?.format;
  return [
    ...(format === undefined ? [] : [format.trigger, format.open, format.middle, format.close]),
    ...(thinking === undefined ? [] : [thinking.open, thinking.close]),
  ];
}
