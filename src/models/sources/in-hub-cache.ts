import type { Host } from "../../host/host.ts";
import type { ModelFormat } from "../model.ts";
import type { HfReference } from "./hf-api.ts";
import { cachedRepository, findInHubCache } from "./hf-cache.ts";
import { hubSettings } from "./hf-settings.ts";
import { wholeModel } from "./hf-snapshot.ts";

/** Whether the Hub's cache on this machine has all of the model, so that nobody need be asked for it. */
export async function inHubCache(
  host: Pick<Host, "env" | "paths">,
  reference: HfReference,
  format: ModelFormat,
): Promise<boolean> {
  const { cache } = await hubSettings(host);
  if (format === "gguf") return (await findInHubCache(cache, reference)) !== undefined;
  const repository = await cachedRepository(cache, reference);
  return repository !== undefined && (await wholeModel(repository)) !== undefined;
}
