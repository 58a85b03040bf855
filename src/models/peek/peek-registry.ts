import type { ModelReference } from "../model.ts";
import { rangedFetch } from "../net/ranged-fetch.ts";
import { formatReference } from "../reference.ts";
import { parseManifest } from "../sources/ollama.ts";
import { openRepository } from "../sources/ollama-registry.ts";
import type { AskTools } from "../sources/source.ts";
import { weightsLayer } from "../store/manifest.ts";
import type { Glimpse } from "./glimpse.ts";
import { remoteFacts } from "./remote-facts.ts";

/** The manifest tells the size, and the blob of the weights begins with the header. */
export async function peekRegistry(
  tools: AskTools,
  reference: Extract<ModelReference, { scheme: "ollama" }>,
): Promise<Glimpse> {
  const name = formatReference(reference);
  const { registry, namespace, tag } = reference;
  const repository = await openRepository(tools, registry, `${namespace}/${reference.name}`);
  const manifest = parseManifest(await repository.manifest(tag, name), name);
  const { digest, size } = weightsLayer(manifest);
  const url = repository.blobUrl(digest);
  const fetch = rangedFetch(tools.context, tools.http, {
    what: `The header of ${name} could not be read.`,
    url,
    // The token that the manifest took is for all of the repository.
    headers: repository.headers(),
  });
  return { weightsBytes: size, facts: await remoteFacts(tools, { url, bytes: size, fetch }, name) };
}
