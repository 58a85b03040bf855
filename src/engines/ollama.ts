import { ollamaGpuShare } from "../plan/gpu/share.ts";
import type { Mount } from "../docker/runtime.ts";
import { cappedManifests } from "../models/capped-manifests.ts";
import type { ContainerEngine, EngineInput } from "./engine.ts";
import { ollamaAdopted } from "./ollama-adopted.ts";
import { ollamaProbes } from "./ollama-probes.ts";
import { AGENT_PATHS, get, OPENAI_PATHS, post } from "./openai-paths.ts";
import { storeMount } from "./store-mount.ts";

const PORT = 11_434;

/** Ollama, as its project ships it. It has no authentication of its own: the gateway is the only way in. */
export const ollama = {
  kind: "container",
  name: "ollama",
  title: "Ollama",
  adopted: ollamaAdopted,
  // Seen (docs/engines/ollama.md), and `/v1` has no field that stops it.
  truncates: true,
  // Seen with 0.17.4, and `effectiveContext` in server/sched.go since.
  capsAtTraining: true,
  port: PORT,
  // Newest release of October 2026: https://github.com/ollama/ollama/releases. The recipe's is the newest that the Go module proxy has.
  image: {
    repository: "ollama/ollama",
    tag: "0.40.2",
    built: "stack/ollama:0.17.4",
    recipe: "ollama",
  },
  // The suffix: .github/workflows/release.yaml of the project.
  acceleratedImages: { rocm: { repository: "ollama/ollama", tag: "0.40.2-rocm" } },
  format: "gguf",
  // Path traversal in /api/pull, which neither the gateway nor the read-only store lets happen; but a floor is a floor.
  securityFloor: {
    version: "0.35.0",
    source: "https://cert.pl/en/posts/2026/10/CVE-2026-103663",
  },
  // What changes the store (pull, push, create, copy, delete, blobs) is not among them: the store is stack's.
  paths: [
    ...OPENAI_PATHS,
    ...AGENT_PATHS,
    { prefix: "/v1/models/", methods: ["GET"] },
    ...["/api/version", "/api/tags", "/api/ps"].map(get),
    ...["/api/show", "/api/chat", "/api/generate", "/api/embed", "/api/embeddings"].map(post),
  ],
  // Newer versions refuse for models whose context can't be shifted ("the prompt is longer than the context length currently
  // available to the model", llm/llama_server.go of August 2026); others are cut all the same.
  overflowMarks: ["the context length"],
  takesTools: ({ facts, ollamaTools }) => ollamaTools ?? facts.templateHasTools,
  probes: ollamaProbes,
  gpuShare: { kind: "http", path: "/api/ps", read: ollamaGpuShare },
  capsByManifest: true,
  container: (input) => ({
    command: ["serve", ...input.extraArgs],
    env: {
      HOME: "/tmp",
      OLLAMA_HOST: `0.0.0.0:${PORT}`,
      OLLAMA_MODELS: "/models",
      // Holds for the whole server, of each of the parallel conversations; `/v1` has no other way to say it.
      OLLAMA_CONTEXT_LENGTH: `${input.context}`,
      // Without flash attention the type is ignored.
      ...cacheType(input),
      OLLAMA_NUM_PARALLEL: `${input.parallel}`,
      OLLAMA_MAX_LOADED_MODELS: "1",
      // The model stays until the container goes: an agent's probe allows 15 s, no time to load it again.
      OLLAMA_KEEP_ALIVE: "-1",
      // At its start it deletes what it takes for orphans; the store is not its own.
      OLLAMA_NOPRUNE: "1",
      OLLAMA_NO_CLOUD: "1",
    },
    mounts: mounts(input),
    tmpfs: { "/tmp": "size=256m,mode=1777" },
  }),
} as const satisfies ContainerEngine;

function cacheType({ kvType = "f16" }: EngineInput): Readonly<Record<string, string>> {
  return kvType === "f16" ? {} : { OLLAMA_KV_CACHE_TYPE: kvType, OLLAMA_FLASH_ATTENTION: "1" };
}

/** The pool of blobs, and the manifest of this model alone. Without a model, all there are. */
function mounts({ storeDir, model, maxOutputTokens }: EngineInput): readonly Mount[] {
  if (model?.format !== "gguf") return [storeMount({ storeDir })];
  return [
    storeMount({ storeDir }, "blobs"),
    storeMount({ storeDir }, "manifests", cappedManifests(model, maxOutputTokens)),
  ];
}
