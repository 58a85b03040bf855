import type { LateProbe, Probe } from "../gate/probe.ts";
import { toolsProbe } from "../gate/tool-probes.ts";
import type { AdoptedEngine } from "./engine.ts";
import { OLLAMA_LIST } from "./model-lists.ts";
import { ollamaProbes } from "./ollama-probes.ts";

const PORT = 11_434;

/** An Ollama that runs on this machine already, as its own installer leaves it. */
export const ollamaAdopted = {
  kind: "adopted",
  name: "ollama",
  title: "Ollama",
  home: (env) => ollamaBase(env["OLLAMA_HOST"]),
  start: "ollama serve",
  log: "journalctl -u ollama",
  fetch: (model) => `ollama pull ${model}`,
  modelId: ollamaModelId,
  lists: [OLLAMA_LIST],
  probes: ({ model }): readonly (Probe | LateProbe)[] => [
    // How long the model stays loaded is its owner's to say.
    ...ollamaProbes({ servedName: model, keepAlive: undefined }),
    toolsProbe(model, { required: false }),
  ],
  truncates: true,
  warnings: ({ window, wanted }) => [
    "This Ollama asks for no key: any program on this machine may use it, and pull or delete its models.",
    ...(window < wanted
      ? [
          `It serves ${window} tokens of context where ${wanted} were asked for, and a request can't change that: start it with OLLAMA_CONTEXT_LENGTH=${wanted}.`,
        ]
      : []),
  ],
} as const satisfies AdoptedEngine;

/** `OLLAMA_HOST` as its own client reads it: scheme and port may be missing, and what listens on every address is asked on loopback. */
export function ollamaBase(text: string | undefined): string {
  const given = text?.trim() ?? "";
  const [, scheme = "http", rest = ""] = /^(?:(https?):\/\/)?(.*?)\/*$/.exec(given) ?? [];
  const [, name = "", port = ""] = /^(\[[^\]]*\]|[^:/]*)(?::(\d+))?$/.exec(rest) ?? [];
  const host = ["", "0.0.0.0", "[::]"].includes(name) ? "127.0.0.1" : name;
  return `${scheme}://${host}:${port === "" ? PORT : port}/v1`;
}

/** `ollama:qwen3:8b` and `qwen3:8b` alike; a name without a tag means `latest`. */
function ollamaModelId(text: string): string {
  const name = text.replace(/^ollama:/, "");
  return /:[^/]*$/.test(name) ? name : `${name}:latest`;
}
