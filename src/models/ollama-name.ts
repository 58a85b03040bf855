import type { ModelReference } from "./model.ts";

/** Ollama's own registry, which names without a registry belong to. */
export const OLLAMA_REGISTRY = "registry.ollama.ai";
const DEFAULT_NAMESPACE = "library";
const DEFAULT_TAG = "latest";

export type OllamaName = Omit<Extract<ModelReference, { scheme: "ollama" }>, "scheme">;

/** `[registry/][namespace/]name[:tag]`; undefined unless every part is one that Ollama accepts (`types/model/name.go`). */
export function parseOllamaName(
  text: string,
): Extract<ModelReference, { scheme: "ollama" }> | undefined {
  const slash = text.lastIndexOf("/");
  const colon = text.lastIndexOf(":");
  const tagged = colon > slash;
  const tag = tagged ? text.slice(colon + 1) : DEFAULT_TAG;
  const parts = (tagged ? text.slice(0, colon) : text).split("/");
  const name = parts.pop() ?? "";
  let registry = OLLAMA_REGISTRY;
  let namespace = DEFAULT_NAMESPACE;
  const [first, second] = parts;
  if (parts.length === 2 && first !== undefined && second !== undefined) {
    registry = first;
    namespace = second;
  } else if (parts.length === 1 && first !== undefined) {
    // As Docker tells them apart: a registry has a dot, a port, or is localhost.
    if (/[.:]/.test(first) || first === "localhost") registry = first;
    else namespace = first;
  } else if (parts.length > 2) {
    return undefined;
  }
  const candidate = { registry, namespace, name, tag };
  return isOllamaName(candidate) ? { scheme: "ollama", ...candidate } : undefined;
}

/** Shortest text that means the same, always with its tag: the way Ollama itself lists a model. */
export function formatOllamaName({ registry, namespace, name, tag }: OllamaName): string {
  if (registry !== OLLAMA_REGISTRY) return `${registry}/${namespace}/${name}:${tag}`;
  return namespace === DEFAULT_NAMESPACE ? `${name}:${tag}` : `${namespace}/${name}:${tag}`;
}

/** Whether Ollama would accept all four parts; what passes is also safe as a path (no part begins with a dot). */
function isOllamaName({ registry, namespace, name, tag }: OllamaName): boolean {
  return (
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,340}(:\d{1,5})?$/.test(registry) &&
    // Some that look right are none: 1.2.3.999, a port of 99999.
    URL.canParse(`https://${registry}`) &&
    /^[A-Za-z0-9_][A-Za-z0-9_-]{0,79}$/.test(namespace) &&
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/.test(name) &&
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/.test(tag)
  );
}
