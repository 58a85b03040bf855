import * as z from "zod";
import { errorText, refusal } from "../gate/chat-answer.ts";
import type { LateProbe, Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import { toolsProbe } from "../gate/tool-probes.ts";
import { versionProbe } from "./adopted-software.ts";
import type { AdoptedInput } from "./engine.ts";
import { LMSTUDIO_LIST, OPENAI_LIST } from "./model-lists.ts";
import { readJson } from "../gate/read-json.ts";
import { firstTokenProbe, QUICK_MS } from "./openai-probes.ts";
import { readContext } from "./ollama-probes.ts";

/**
 * The ladder for a server of which nothing is known but its API: listed → first token → tools → window, as far as it names
 * one. Tools are asked for in any case: nobody else knows whether this model takes them.
 */
export function adoptedProbes({ model, lists }: AdoptedInput): readonly (Probe | LateProbe)[] {
  return [
    ...(lists ? [listed(model), versionProbe] : []),
    firstToken(model),
    toolsProbe(model, { required: false }),
    ...windowProbes(model),
  ];
}

function listed(model: string): Probe {
  return {
    rung: "listed",
    request: { method: "GET", path: "/v1/models", read: "whole" },
    attemptMs: QUICK_MS,
    judge: (answer) => {
      const list = OPENAI_LIST.read(answer);
      if (list === undefined) return judgeRefusal(answer);
      const found = list.find(({ id }) => id === model);
      if (found === undefined) return { kind: "fatal", why: `the server no longer lists ${model}` };
      const { context, software } = found;
      return {
        kind: "ok",
        facts: {
          ...(context === undefined ? {} : { contextLength: context }),
          ...(software === undefined ? {} : { software }),
        },
      };
    },
  };
}

function firstToken(model: string): Probe {
  const probe = firstTokenProbe(model, []);
  return {
    ...probe,
    judge: (answer) => {
      const verdict = probe.judge(answer);
      if (verdict.kind === "ok") return verdict;
      // Another's server does not become one by waiting: a page, an empty answer, an error inside a stream that began well.
      return answer.status === 200 ? { kind: "fatal", why: verdict.why } : judgeRefusal(answer);
    },
  };
}

/** What no waiting cures: a key, a path or a request that the server does not take. A busy or a loading one may yet answer. */
export function judgeRefusal(answer: ProbeAnswer): ProbeVerdict {
  const why = refusal(answer);
  if (answer.status === 401 || answer.status === 403) {
    // As where the list is refused: the key is the user's to give.
    return { kind: "fatal", code: "USAGE", why, next: "stack up --key-file FILE" };
  }
  if (
    answer.status >= 300 &&
    answer.status < 500 &&
    ![408, 409, 425, 429].includes(answer.status)
  ) {
    return { kind: "fatal", why };
  }
  // An error inside a stream that began well.
  if (answer.status === 200) return { kind: "fatal", why: errorText(answer.text) };
  return { kind: "wait", why };
}

const propsSchema = z.object({
  default_generation_settings: z.object({ n_ctx: z.int().positive() }),
  total_slots: z.int().positive().optional(),
});

/** Where else a window may be written: llama-server, LM Studio, Ollama. Asked once it is loaded, and only while nobody has said it. */
function windowProbes(model: string): readonly LateProbe[] {
  const questions: readonly (readonly [string, (text: string) => Window | undefined])[] = [
    [
      "/props",
      (text) => {
        const props = readJson(text, propsSchema);
        return props === undefined
          ? undefined
          : { context: props.default_generation_settings.n_ctx, parallel: props.total_slots };
      },
    ],
    [
      "/api/v0/models",
      (text) => {
        const list = LMSTUDIO_LIST.read({ status: 200, text });
        return { context: list?.find(({ id }) => id === model)?.context };
      },
    ],
    [
      "/api/ps",
      (text) => ({ context: readContext(text, model) ?? readContext(text, `${model}:latest`) }),
    ],
  ];
  return questions.map(
    ([path, read]) =>
      ({ facts }) =>
        "contextLength" in facts ? undefined : windowProbe(path, read),
  );
}

interface Window {
  readonly context?: number | undefined;
  readonly parallel?: number | undefined;
}

function windowProbe(path: string, read: (text: string) => Window | undefined): Probe {
  return {
    rung: "context",
    request: { method: "GET", path, read: "whole" },
    attemptMs: QUICK_MS,
    timedOut: { kind: "ok" },
    judge: ({ status, text }) => {
      const { context, parallel } = (status === 200 ? read(text) : undefined) ?? {};
      if (context === undefined) return { kind: "ok" };
      return {
        kind: "ok",
        facts: { contextLength: context, ...(parallel === undefined ? {} : { parallel }) },
      };
    },
  };
}
