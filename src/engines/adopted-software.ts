import * as z from "zod";
import type { LateProbe } from "../gate/probe.ts";
import { readJson } from "../gate/read-json.ts";
import { QUICK_MS } from "./openai-probes.ts";

/**
 * What servers call themselves in `owned_by` of `/v1/models`, as the name of our engine, and where they tell their version:
 * vllm/entrypoints/openai/engine/protocol.py, sglang/srt/entrypoints/{openai/protocol,http_server}.py, llama.cpp's
 * tools/server/server-context.cpp, ollama's openai/openai.go (`library`, the user's name for models of their own).
 */
const SOFTWARE: Readonly<Record<string, readonly [engine: string, path: string, field: string]>> = {
  vllm: ["vllm", "/version", "version"],
  sglang: ["sglang", "/server_info", "version"],
  llamacpp: ["llamacpp", "/props", "build_info"],
  library: ["ollama", "/api/version", "version"],
};

/** The name by which the gate's fact `software` knows a server, of what its list says. */
export function softwareNamed(ownedBy: string | undefined): string | undefined {
  return SOFTWARE[ownedBy ?? ""]?.[0];
}

/** Asks a server that has said what it is for its version: the fact `engineVersion`. */
export const versionProbe: LateProbe = ({ facts }) => {
  const known = Object.values(SOFTWARE).find(([engine]) => engine === facts["software"]);
  if (known === undefined) return undefined;
  const [, path, field] = known;
  return {
    rung: "listed",
    request: { method: "GET", path, read: "whole" },
    attemptMs: QUICK_MS,
    timedOut: { kind: "ok" },
    judge: ({ status, text }) => {
      const version = status === 200 ? readJson(text, z.record(z.string(), z.unknown())) : {};
      const told = version?.[field];
      return typeof told === "string" && told !== ""
        ? { kind: "ok", facts: { engineVersion: told } }
        : { kind: "ok" };
    },
  };
};
