import { StackError } from "../errors.ts";
import type { LateProbe, Probe } from "../gate/probe.ts";
import { toolsProbe } from "../gate/tool-probes.ts";
import type { AdoptedEngine } from "./engine.ts";
import { OLLAMA_LIST } from "./model-lists.ts";
import { ollamaProbes } from "./ollama-probes.ts";
import { QUICK_MS } from "./openai-probes.ts";

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
    // How long the model stays loaded is its owner's to say; and the server may be far away, or behind a proxy.
    ...ollamaProbes({ servedName: model, keepAlive: undefined, upMs: QUICK_MS }),
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

/** Addresses to listen on, and where a client finds what listens there. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "[::]": "[::1]" };

/**
 * `OLLAMA_HOST` as Ollama's own client reads it (`Host` and `ConnectableHost` of its envconfig/config.go): in quotes or not, with
 * a scheme and its default port, or without and then 11434; a path is kept. That client goes on with its default where it can't
 * read something, which may be another server: here it is `USAGE`.
 */
export function ollamaBase(text: string | undefined): string {
  const given = (text ?? "")
    .trim()
    .replaceAll(/^["']+|["']+$/g, "")
    .trim();
  const url = hostUrl(given === "" ? "127.0.0.1" : given);
  const more = url && `${url.username}${url.password}${url.search}${url.hash}`;
  if (url === undefined || more !== "" || !/^https?:$/.test(url.protocol)) {
    throw new StackError("USAGE", {
      what: "OLLAMA_HOST is no address of a server that can be read.",
      why: "It is a host, a host with a port, or a URL with http or https, without a password.",
      next: `stack up ollama --adopt --url http://host:${PORT}`,
    });
  }
  const port = url.port === "" ? "" : `:${url.port}`;
  const path = url.pathname.replace(/(\/v1)?\/*$/, "");
  return `${url.protocol}//${LOOPBACK[url.hostname] ?? url.hostname}${port}${path}/v1`;
}

function hostUrl(given: string): URL | undefined {
  // Its own name is the one that it takes for a service in the cloud.
  if (given === "ollama.com") return new URL("https://ollama.com");
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : withScheme(given);
  return URL.canParse(whole) ? new URL(whole) : undefined;
}

/** A bare IPv6 address has colons and no port; where only a port is given, it is of this machine. */
function withScheme(given: string): string {
  const [, authority = "", path = ""] = /^([^/]*)(.*)$/s.exec(given) ?? [];
  const host = /^[^[]*:[^[]*:/.test(authority) ? `[${authority}]` : authority;
  if (!/^(?:[^:]*|\[.*\]):\d+$/.test(host)) return `http://${host}:${PORT}${path}`;
  return `http://${host.startsWith(":") ? "127.0.0.1" : ""}${host}${path}`;
}

/** `ollama:qwen3:8b` and `qwen3:8b` alike; a name without a tag means `latest`. */
function ollamaModelId(text: string): string {
  const name = text.replace(/^ollama:/, "");
  return /:[^/]*$/.test(name) ? name : `${name}:latest`;
}
