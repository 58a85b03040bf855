import * as z from "zod";
import { adoptedProbes } from "./adopted-probes.ts";
import type { AdoptedEngine } from "./engine.ts";
import { LMSTUDIO_LIST, LMSTUDIO_V1_LIST, OPENAI_LIST } from "./model-lists.ts";
import { readJson } from "../gate/read-json.ts";

/** `model_instance_id` in the documentation of its beta. */
const loadedSchema = z.union([
  z.object({ instance_id: z.string().min(1) }),
  z.object({ model_instance_id: z.string().min(1) }),
]);

/**
 * LM Studio's server, which is started in the app or by `lms`. Left to itself it loads a model at the first request with 4096
 * tokens (https://lmstudio.ai/docs/developer/rest): the model is loaded here, with the window that was asked for.
 */
export const lmstudio = {
  kind: "adopted",
  name: "lmstudio",
  title: "LM Studio",
  home: () => "http://127.0.0.1:1234/v1",
  start: "lms server start",
  log: "lms log stream",
  fetch: (model) => `lms get ${model}`,
  lists: [LMSTUDIO_LIST, LMSTUDIO_V1_LIST, OPENAI_LIST],
  probes: adoptedProbes,
  loading: {
    // Its schema is strict: a field that it does not know is a 400.
    load: (model, context) => ({
      method: "POST",
      path: "/api/v1/models/load",
      body: {
        model,
        ...(context === undefined ? {} : { context_length: context }),
        echo_load_config: true,
      },
      read: "whole",
    }),
    unload: (instance) => ({
      method: "POST",
      path: "/api/v1/models/unload",
      body: { instance_id: instance },
      read: "whole",
    }),
    loadedAs: ({ status, text }) => {
      const loaded = status === 200 ? readJson(text, loadedSchema) : undefined;
      if (loaded === undefined) return undefined;
      return "instance_id" in loaded ? loaded.instance_id : loaded.model_instance_id;
    },
    loadCommand: (model, context) => [
      "lms",
      "load",
      model,
      ...(context === undefined ? [] : ["--context-length", `${context}`]),
      "--identifier",
      model,
      "-y",
    ],
    unloadCommand: (instance) => ["lms", "unload", instance],
  },
  warnings: ({ key, window, wanted }) => [
    ...(key ? [] : ["LM Studio asks for no key: any program on this machine may use the model."]),
    ...(window < wanted
      ? [
          `LM Studio serves ${window} tokens of context where ${wanted} were asked for: it gives no more than it believes there is memory for. Free some, or relax Model Loading Guardrails in its settings, and then \`stack restart\` asks again; \`stack up lmstudio --context ${window}\` is content with what there is.`,
        ]
      : []),
  ],
} as const satisfies AdoptedEngine;
