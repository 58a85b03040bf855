import { StackError, unreachable } from "../errors.ts";
import { CATALOG, findInCatalog } from "./catalog.ts";
import type { ModelReference } from "./model.ts";
import { nearest } from "./nearest.ts";
import { parseOllamaName, formatOllamaName } from "./ollama-name.ts";

/**
 * Text → reference. A bare name is looked up in the catalog.
 * Anything else than a reference or a catalog name is `MODEL_UNKNOWN`, naming the nearest catalog name.
 */
export function parseReference(text: string): ModelReference {
  const trimmed = text.trim();
  const colon = trimmed.indexOf(":");
  const scheme = colon < 0 ? "" : trimmed.slice(0, colon);
  const rest = trimmed.slice(colon + 1);
  switch (scheme) {
    case "ollama":
      return parseOllamaName(rest) ?? invalid(trimmed, "ollama:[registry/][namespace/]name[:tag]");
    case "pypi":
      return parsePypi(rest) ?? invalid(trimmed, "pypi:package[==version]");
    case "hf":
      return parseHf(rest) ?? invalid(trimmed, "hf:org/repo[:quant or file][@revision]");
    case "file":
      return rest === "" || rest.includes("\0")
        ? invalid(trimmed, "file:path")
        : { scheme: "file", path: rest };
    default:
      return fromCatalog(trimmed);
  }
}

/** The canonical text: `parseReference(formatReference(r))` equals `r`. */
export function formatReference(reference: ModelReference): string {
  switch (reference.scheme) {
    case "ollama":
      return `ollama:${formatOllamaName(reference)}`;
    case "pypi":
      return reference.version === undefined
        ? `pypi:${reference.package}`
        : `pypi:${reference.package}==${reference.version}`;
    case "hf": {
      const select = reference.select === undefined ? "" : `:${reference.select}`;
      const revision = reference.revision === "main" ? "" : `@${reference.revision}`;
      return `hf:${reference.repo}${select}${revision}`;
    }
    case "file":
      return `file:${reference.path}`;
    default:
      return unreachable(reference);
  }
}

function parsePypi(text: string): ModelReference | undefined {
  const match = /^([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?:==([a-z0-9][a-z0-9.!+_-]*))?$/i.exec(text);
  if (match?.[1] === undefined) return undefined;
  // PEP 503: runs of `-`, `_` and `.` are the same name.
  const name = match[1].toLowerCase().replaceAll(/[-_.]+/g, "-");
  return { scheme: "pypi", package: name, version: match[2] };
}

function parseHf(text: string): ModelReference | undefined {
  const part = "[A-Za-z0-9][A-Za-z0-9._-]*";
  const match = new RegExp(`^(${part}/${part})(?::([^@\\s]+))?(?:@([^@\\s]+))?$`).exec(text);
  if (match?.[1] === undefined) return undefined;
  const [, repo, select, revision] = match;
  if ([select, revision].some((value) => value?.split("/").includes(".."))) return undefined;
  return { scheme: "hf", repo, select, revision: revision ?? "main" };
}

function fromCatalog(text: string): ModelReference {
  const entry = findInCatalog(text);
  if (entry !== undefined) return parseReference(entry.reference);
  const near = nearest(
    text,
    CATALOG.flatMap((item) => [item.name, ...item.aliases]),
  );
  throw new StackError("MODEL_UNKNOWN", {
    what: `There is no model named "${text}" in the catalog.`,
    ...advice(text, near),
  });
}

/** What was meant: a path, a name of the catalog, or a model of Ollama's registry without its prefix. */
function advice(
  text: string,
  near: string | undefined,
): { readonly why: string; readonly next: string } {
  if (/\.gguf$/i.test(text) || /^(\.{0,2}|~)\//.test(text)) {
    return { why: "A file is named with `file:` in front.", next: `use file:${text}` };
  }
  if (near !== undefined) {
    const isTag = text.includes(":") && parseOllamaName(text) !== undefined;
    return {
      why: `The nearest name is "${near}".`,
      next: `use ${near}${isTag ? `, or ollama:${text} for one of Ollama's registry` : ""}`,
    };
  }
  return {
    why: "A model that is not in the catalog is named with `ollama:`, `hf:`, `pypi:` or `file:` in front.",
    next: "stack models ls --catalog",
  };
}

function invalid(text: string, form: string): never {
  throw new StackError("MODEL_UNKNOWN", {
    what: `"${text}" is not a model reference.`,
    why: `The form is ${form}.`,
    next: "stack models ls --catalog",
  });
}
