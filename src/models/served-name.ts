import { unreachable } from "../errors.ts";
import { catalogEntry } from "./catalog.ts";
import type { ModelReference } from "./model.ts";
import { formatOllamaName, OLLAMA_REGISTRY, type OllamaName } from "./ollama-name.ts";
import { formatReference } from "./reference.ts";

/**
 * The id under which engines serve a model, known before it is fetched. In order: the catalog's name;
 * for `ollama:` the name and tag; else package, repository or file name with the version or quantisation as tag.
 * The store may fall back to a longer one when another model has this name already.
 */
export function preferredServedName(reference: ModelReference): string {
  return formatOllamaName(preferredName(reference));
}

/** As `preferredServedName`, in parts: where the manifest is laid that makes Ollama serve it so. */
export function preferredName(reference: ModelReference): OllamaName {
  const entry = catalogEntry(formatReference(reference));
  if (entry !== undefined && reference.scheme !== "ollama") {
    const [name = "", tag = "latest"] = entry.name.split(":");
    return local(name, tag);
  }
  switch (reference.scheme) {
    case "ollama":
      // A model of a private registry is served by its short name; Ollama would show the whole address.
      return reference.registry === OLLAMA_REGISTRY
        ? reference
        : local(reference.name, reference.tag);
    case "pypi":
      return local(reference.package, reference.version ?? "latest");
    case "hf": {
      const repository = reference.repo.slice(reference.repo.indexOf("/") + 1);
      return local(repository.replace(/-gguf$/i, ""), lastPart(reference.select ?? "latest"));
    }
    case "file":
      return local(lastPart(reference.path), "latest");
    default:
      return unreachable(reference);
  }
}

/** The next name to try when `name` belongs to another model: it says where this one is from. */
export function qualifiedName(reference: ModelReference): OllamaName {
  if (reference.scheme === "ollama" && reference.registry !== OLLAMA_REGISTRY) return reference;
  const { name, tag } = preferredName(reference);
  return local(name, `${tag}-${reference.scheme}`);
}

function local(name: string, tag: string): OllamaName {
  return {
    registry: OLLAMA_REGISTRY,
    namespace: "library",
    name: sanitise(name, "model"),
    tag: sanitise(tag, "latest"),
  };
}

function lastPart(path: string): string {
  return (path.split(/[\\/]/).pop() ?? path).replace(/\.gguf$/i, "");
}

function sanitise(text: string, fallback: string): string {
  const clean = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.-]+/g, "-")
    .replace(/^[-.]+/, "")
    .slice(0, 64)
    .replace(/[-.]+$/, "");
  return clean === "" ? fallback : clean;
}
