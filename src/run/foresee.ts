import { catalogEntry } from "../models/catalog.ts";
import type { ModelFormat, ModelReference, StoredModel } from "../models/model.ts";
import type { Store } from "../models/store.ts";
import { catalogModel } from "../plan/fit/catalog-model.ts";
import type { Fit } from "../plan/fit/fit-context.ts";
import type { Settings } from "../plan/settings.ts";
import { fetchOptions } from "./fetch-options.ts";
import type { StackFit } from "./stack-fit.ts";

/** How a model will fit, by what is known of it before anything is pulled or fetched. */
export interface Foreseen {
  readonly fit?: Fit;
  /** Why nothing is known. */
  readonly unknown?: string;
}

export interface ForeseeInput {
  readonly settings: Settings;
  readonly reference: ModelReference;
  /** As `Store.plan` found it: with the canonical reference. */
  readonly model: { readonly reference: string; readonly stored: StoredModel | undefined };
  readonly format: ModelFormat;
  readonly fit: StackFit;
}

/** By the model itself where it is here, else by the catalog, else by what its source tells when it is asked; `MODEL_UNAVAILABLE` where that refuses it. */
export async function foresee(
  store: Pick<Store, "peek">,
  { settings, reference, model, format, fit }: ForeseeInput,
): Promise<Foreseen> {
  if (model.stored !== undefined) return { fit: fit.of(model.stored) };
  // Without the network the catalog's word is no use: only what lies on this machine can be had.
  const entry = settings.offline ? undefined : catalogEntry(model.reference);
  if (entry !== undefined) return { fit: fit.ofSize(catalogModel(entry)) };
  const peeked = await store.peek(reference, fetchOptions(settings), format);
  if ("why" in peeked) return { unknown: peeked.why };
  const { weightsBytes, facts = {} } = peeked;
  return { fit: fit.ofSize({ weightsBytes, facts }) };
}
