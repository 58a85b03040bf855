import { StackError } from "../../errors.ts";
import type { ModelReference } from "../model.ts";
import { formatReference } from "../reference.ts";
import type { FetchOptions } from "../store.ts";

/** `MODEL_UNAVAILABLE` where only the network has what is named, and may not be used. */
export function refuseOffline(reference: ModelReference, { offline }: FetchOptions): void {
  // A file needs no network, and the Hub's cache may hold what is asked for.
  if (!offline || reference.scheme === "file" || reference.scheme === "hf") return;
  const name = formatReference(reference);
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `${name} is not here, and the network may not be used.`,
    why: "The setting `offline` is on.",
    next: `with the network allowed: stack models pull ${name}`,
  });
}
